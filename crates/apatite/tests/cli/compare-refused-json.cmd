apatite compare --format json CASES/refused.toml calcific_tendinitis calciphylaxis
