apatite evaluate examples/article
