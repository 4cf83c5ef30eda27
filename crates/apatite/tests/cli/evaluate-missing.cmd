apatite evaluate CASES/there-is-no-such
