"""For `python -m ensurepip`, which Debian leaves out of its Python: pip is there, as a package of Debian's."""

import pip

print(f"pip {pip.__version__} is installed")
