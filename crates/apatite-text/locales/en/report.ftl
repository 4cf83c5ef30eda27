report-kind = Report on a soft-tissue calcification
report-untitled = Case without a title
report-contents = Contents
report-page = Page
report-patient = Patient
report-date = Date
report-setting = Setting
report-source = Source
report-unknown = sex and age not stated
report-age = { $years } years
report-age-one = 1 year
report-impression = Impression
report-no-facts = No facts
report-ranked = { $name }: { $probability }.
report-ranked-interval = { $name }: { $probability } ({ $low } to { $high }).
report-fragile = The lead is fragile: the first leads in only { $share } of { $draws } draws of all the numbers from their intervals.
report-malignant = Malignant diagnoses together: { $probability }; the likeliest of them: { $name } ({ $own }).
report-surprise = None of the likely diagnoses explains: { $fact }.
report-must-not-miss = Not to be missed ({ $name })
report-differential-caption = Probability of each diagnosis; in brackets and as a thin line the 5th to 95th percentile
report-diagnosis = Diagnosis
report-probability = Probability
report-mechanism = Mechanism
report-reasons = Reasons
report-weights-caption = What each fact weighs for or against { $name } (10 dB is ten to one)
report-fact = Fact
report-speaks = Speaks
report-weight = Weight
report-images = Key images
report-lesions = Lesions
report-lesions-caption = Lesions, the surest calcifications first
report-lesion-number = No.
report-kind-of-lesion = Kind
report-volume = Volume, mm³
report-diameter = Diameter, mm
report-mean-hu = Mean, HU
report-max-hu = Max, HU
report-to-bone = To bone, mm
report-finding = Finding
report-findings = Findings
report-measured-from = Measured from
report-limits = What limits the measurement
report-known = What is known
report-clinical = Clinical information
report-technique = Technique
report-patient-line = Patient: { $patient }.
report-no-history = No history and no laboratory results were given.
report-no-imaging = No imaging was given.
report-nothing-told = nothing was told of it.
report-present = { $findings }.
report-suggested = Likely: { $findings }.
report-absent = Not present: { $findings }.
report-measured = Measured on the images: { $findings }.
report-study-shown = { $modality }, study { $name }: shown, not measured.
report-study-measured = { $modality }, study { $name }: { $size } voxels of { $spacing } mm, noise { $noise } HU; lesions found and measured by the program.
report-lesions-line = { $count }, together { $volume } mm³; { $others }.
report-count-calcifications = { $count ->
    [0] No calcification outside the skeleton
    [one] One calcification
   *[other] { $count } calcifications
 }
report-count-others = { $count ->
    [0] no other dense structure
    [one] one other dense structure (vessel, bone or variant, metal, contrast, artefact)
   *[other] { $count } other dense structures (vessels, bone or variants, metal, contrast, artefacts)
 }
report-more-lesions = { $count ->
    [one] One smaller or less certain calcification is not described here.
   *[other] { $count } smaller or less certain calcifications are not described here.
 }
report-lesion = Lesion { $id }: { $diameter } mm, { $volume } mm³, mean { $mean } HU, maximum { $max } HU; { $findings }.
report-lesion-bare = Lesion { $id }: { $diameter } mm, { $volume } mm³, mean { $mean } HU, maximum { $max } HU.
report-lacking = What the case lacks most
report-unknown-fact = Not known
report-bits = Information to be expected, bits
report-remarks = Remarks on the input
report-provenance = How this report was made
report-what = Item
report-value = Value
report-program = Program
report-knowledge = Knowledge
report-case-file = Case file
report-draws = Interval
report-draws-value = { $draws } draws of all the numbers from their intervals, seed { $seed }
report-series-of = Series measured ({ $name })
report-alarms = Alarms
report-emergency = Emergency
report-urgent = Urgent
report-notice = Note
report-clash = These were both told as present and cannot both be: { $first }; { $second }.
report-next = What next
report-next-caption = Examinations not yet done, the most telling for their burden first
report-examination = Examination
report-gain = Expected gain, bits
report-leader-change = Leader changes in
report-burden = Burden
report-dose = { $dose } mSv
report-contrast-iodinated = iodinated contrast
report-contrast-gadolinium = gadolinium contrast
report-delay = { $days } days
report-cost = cost class { $class }
report-not-to-do = Not to be done: { $examination }
report-with-care = With care: { $examination }
report-more-examinations = { $count ->
    [one] One more examination is not shown.
   *[other] { $count } more examinations are not shown.
 }
report-insufficient = What is not known yet would change the leading diagnosis in { $share } of the ways it may come out: examine further before relying on it.
report-enough = What is not known yet would change the leading diagnosis in { $share } of the ways it may come out.
report-strange = The facts fit together badly under every diagnosis: this is a strange case.
report-next-line = Next: { $examinations }.
report-plane-axial = Axial
report-plane-coronal = Coronal
report-plane-sagittal = Sagittal
report-picture-through = { $plane } section through the first calcification measured in the same space.
report-picture-middle = { $plane } section through the middle of the study.
report-picture-lesion = Lesion { $id }, axial section where it is largest, outlined.
report-picture-level = Lesion { $id }, axial section through its fluid-sediment level (dashed line), outlined.
report-picture-projection = Maximum intensity projection from the front, lesions outlined and numbered.
report-picture-surface = Surfaces of bone and lesions from the front and the left.
report-picture-figures = { $diameter } mm across, mean { $mean } HU, maximum { $max } HU.
report-gradings = Gradings
report-gradings-caption = Gradings that the field uses, for the leading diagnoses
report-grading = Grading
report-grade = Grade
report-agreement = Notes and agreement
report-between-observers = Between observers, { $modality }: { $statistic } { $value }
report-between-readings = Within an observer, { $modality }: { $statistic } { $value }
report-comparison = Comparison with the earlier study
report-comparison-caption = Volumes, mm³, with the 95 % interval of the difference
report-outcome = What became of it
report-earlier = Earlier
report-later = Later
report-difference = Difference
report-verdict = Verdict
report-not-compared = not compared
report-growth = { $growth } mm³ per month
report-limit = Limit of repeatability of a volume V: { $share } V + { $root } √V + { $fixed } mm³
remark-disagreement = The reader says { $said }: { $finding }; the images give it { $probability } ({ $because }). The reader's word stands.
remark-present = present
remark-absent = absent
