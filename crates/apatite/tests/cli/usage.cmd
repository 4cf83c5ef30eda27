apatite
