apatite diagnose --lang it examples/article
