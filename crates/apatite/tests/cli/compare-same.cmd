apatite compare CASES/two/a.toml calcific_tendinitis calcific_tendinitis
