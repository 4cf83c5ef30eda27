apatite evaluate CASES/some-refused
