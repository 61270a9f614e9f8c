"""A stand-in for the Ollama server, for practice and tests. Standard library only, so that it starts fast."""
