apatite evaluate --interactive-oracle --lang it examples/article
