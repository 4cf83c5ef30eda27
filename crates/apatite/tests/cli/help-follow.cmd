apatite follow --help
