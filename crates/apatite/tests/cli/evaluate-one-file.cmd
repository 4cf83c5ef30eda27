hide digits
apatite evaluate --format json CASES/two/a.toml
