apatite evaluate --setting nowhere examples/article
