apatite diagnose --help
