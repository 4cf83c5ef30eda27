apatite --help
