apatite diagnose CASES/two/b.json CASES/two/a.toml
