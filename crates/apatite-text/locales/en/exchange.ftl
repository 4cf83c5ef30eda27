exchange-lesion = Lesion { $id }: { $kind }
exchange-interval = 5th to 95th percentile over draws of all the numbers: { $low } to { $high }
exchange-method = Bayesian network of Apatite; setting { $setting }
exchange-report = Differential diagnosis of soft-tissue calcinosis
exchange-uncoded = without a code of a common terminology: { $terms }
exchange-left-out = not carried by this format: { $what }
exchange-no-study = this format needs a CT study that was measured: give the case one (study = "ct/" in an [[imaging]] block of modality CT)
exchange-several-studies = the case has { $count } measured studies: the first, { $name }, is written
exchange-written = { $path } written
exchange-no-dicom = this format is written into the DICOM study of the images, and the study is no DICOM: nifti and the tables need none
