apatite diagnose --format json --lang it CASES/not-utf8.toml CASES/there-is-no-such.toml
