"""Every recording and where it is replayed; the few that are not, with the reason (the README says the same)."""

from __future__ import annotations

REPLAYED: dict[str, str] = {
    "basic": """
        blob_head_missing chat_unknown copy_unknown delete_again embed_unknown generate_unknown host_header_forbidden
        origin_forbidden ps_empty pull_bad_json pull_bad_name pull_no_body pull_no_dns pull_no_model
        pull_registry_refused pull_registry_refused_nostream root root_head route_unknown route_wrong_method
        show_no_model show_unknown status tags_empty v1_chat_unknown version
    """,
    "manage": """
        blob_head_present copy delete delete_empty_manifest embedding_only_show show tags_one
        tags_with_embedding_model v1_models
    """,
    "loaded": """
        chat embed_not_supported embed_ok embed_ok_many embedding_only_chat embedding_only_generate
        embedding_only_generate_stream embedding_only_preload embeddings_legacy_ok generate
        generate_blob_truncated_while_mmapped generate_load_timeout generate_preload generate_queue_full
        generate_runner_killed generate_stream generate_unload ps_after_runner_killed ps_embedding_loaded
        ps_keepalive_forever ps_loaded v1_embeddings_ok
    """,
    "pull": """
        pull_auth_basic pull_auth_challenge pull_auth_realm_other_host pull_big_slow pull_blob_get_403
        pull_blob_head_404 pull_blob_head_500 pull_digest_mismatch pull_digest_mismatch_nostream
        pull_http_registry_without_insecure pull_http_scheme_without_insecure pull_manifest_500
        pull_manifest_bad_json pull_manifest_empty_object pull_network_lost_midway pull_nostream pull_ok
        pull_plain_registry pull_stuck_by_empty_part pull_stuck_by_leftover_part pull_tag_moved
        pull_tag_moved_prunes_old_layers pull_unknown_model pull_unknown_nostream pull_uptodate
        registry_requests_of_a_pull registry_requests_of_a_pull_with_auth
    """,
    "damage": """
        corrupt_config_bad_json_generate corrupt_config_bad_json_repull corrupt_config_bad_json_show
        corrupt_config_bad_json_tags corrupt_config_missing_generate corrupt_config_missing_repull
        corrupt_config_missing_show corrupt_config_missing_tags corrupt_flip_magic_generate corrupt_flip_magic_repull
        corrupt_flip_magic_show corrupt_flip_magic_tags corrupt_flip_tensor_byte_generate
        corrupt_flip_tensor_byte_repull corrupt_flip_tensor_byte_show corrupt_flip_tensor_byte_tags
        corrupt_manifest_braces_generate corrupt_manifest_braces_repull corrupt_manifest_braces_show
        corrupt_manifest_braces_tags corrupt_manifest_empty_generate corrupt_manifest_empty_repull
        corrupt_manifest_empty_show corrupt_manifest_empty_tags corrupt_manifest_missing_generate
        corrupt_manifest_missing_repull corrupt_manifest_missing_show corrupt_manifest_missing_tags
        corrupt_manifest_truncated_generate corrupt_manifest_truncated_repull corrupt_manifest_truncated_show
        corrupt_manifest_truncated_tags corrupt_params_bad_json_generate corrupt_params_bad_json_repull
        corrupt_params_bad_json_show corrupt_params_bad_json_tags corrupt_params_missing_generate
        corrupt_params_missing_repull corrupt_params_missing_show corrupt_params_missing_tags
        corrupt_truncated_half_generate corrupt_truncated_half_repull corrupt_truncated_half_show
        corrupt_truncated_half_tags corrupt_truncated_header_generate corrupt_truncated_header_repull
        corrupt_truncated_header_show corrupt_truncated_header_tags corrupt_weights_missing_generate
        corrupt_weights_missing_repull corrupt_weights_missing_show corrupt_weights_missing_tags
        corrupt_weights_zero_bytes_generate corrupt_weights_zero_bytes_repull corrupt_weights_zero_bytes_show
        corrupt_weights_zero_bytes_tags
    """,
    "races": """
        race_0207_B_starts_during_pull race_0207_B_starts_during_pull_noprune race_0207_finished_layer_cache_hit
        race_0207_finished_layer_downloaded race_delete_during_pull race_mixed_old_B race_new_B
        race_prune_removed_all_partials race_prune_removed_cache_hit_layer race_prune_removed_done_part
        race_prune_removed_finished_layer race_prune_removed_part_files
    """,
    "disk": """
        pull_enospc pull_enospc_nostream pull_enospc_small ro_copy ro_create ro_delete ro_pull_existing ro_pull_new
    """,
    "old": """
        v0207_delete_unknown v0207_generate v0207_generate_unknown v0207_ps v0207_pull_ok v0207_pull_unknown
        v0207_show v0207_tags v0207_version
    """,
}

NOT_REPRODUCED: dict[str, str] = {
    "create": "weights are taken as they are, not rewritten, so that their layer is never a new one",
    "push": "there is no /api/push",
    "push_again": "there is no /api/push",
    "push_no_insecure": "there is no /api/push",
    "push_nostream": "there is no /api/push",
    "push_unknown": "there is no /api/push",
}


def names(module: str) -> list[str]:
    """The recordings that `test_replay_<module>.py` replays."""
    return REPLAYED[module].split()
