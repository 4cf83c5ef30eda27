apatite render --help
