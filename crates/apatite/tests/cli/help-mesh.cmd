apatite mesh --help
