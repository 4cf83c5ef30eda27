apatite compare --help
