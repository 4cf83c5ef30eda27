# What cannot be read does not keep the others from being answered.
apatite diagnose CASES/two/a.toml CASES/not-utf8.toml CASES/refused.toml CASES/there-is-no-such.toml CASES/two/b.json
