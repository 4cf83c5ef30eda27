apatite compare --lang it CASES/two/a.toml tendinite calcific_tendinitis
