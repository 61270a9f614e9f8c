-- Lets a request wait for an instance while there is none that could take it, as when the only one is being changed:
-- HAProxy itself queues only where at least one server is up. The argument says for how many milliseconds at most.
core.register_action("hold", { "http-req" }, function(txn, limit)
  local waited = 0
  while txn.f:nbsrv() == 0 and waited < tonumber(limit) do
    core.msleep(100)
    waited = waited + 100
  end
  txn:set_var("txn.held", waited)
end, 1)
