hide digits
apatite evaluate --format json CASES/some-refused
