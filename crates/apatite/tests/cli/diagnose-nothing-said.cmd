apatite diagnose --draws 0 CASES/nothing-said.toml
