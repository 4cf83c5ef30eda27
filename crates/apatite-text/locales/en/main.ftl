intended-use = For research and education. It supports a decision and never makes one.
knowledge-line = Knowledge { $version }, sha256 { $hash }
setting-line = Setting: { $setting }
differential = Differential diagnosis
others-together = { $count ->
    [one] the other one
   *[other] the other { $count } together
 }
robustness-line = In brackets the 5th to 95th percentile over { $draws } draws of all the numbers from their intervals; the first leads in { $share } of them.
robustness-fragile = The lead is fragile: over { $draws } draws of all the numbers from their intervals (5th to 95th percentile in brackets) the first leads in only { $share }.
by-mechanism = By mechanism
odds-line = prior { $prior } dB, facts { $facts } dB, together { $posterior } dB (weights of evidence; 10 dB is ten to one)
for = For
against = Against
remaining-facts = { $count ->
    [one] 1 other fact, under 0.5 dB
   *[other] { $count } other facts together, each under 0.5 dB
 }
expected = Expected in it, not known here
expected-line = { $name }: in { $probability } of such patients, { $decibans } dB if so
confirmation = How it is confirmed
must-not-miss = Not to be missed
disagree = The modalities do not agree
disagree-line = { $finding }: seen on { $present }, not seen on { $absent }
implied = Told, but contained in another fact
implied-line = { $finding } ({ $modalities }): in { $by }
unexplained = Explained by none of the likely diagnoses
unexplained-line = { $fact } (in at most { $probability } of patients with one of them)
lacking = What the case lacks most (information about the diagnosis to be expected of it)
lacking-line = { $name } ({ $information } bits)
no-facts = The case says nothing: what follows is the case mix of the setting.
fact-age = age { $years } years
fact-sex-female = female
fact-sex-male = male
fact-sites = site: { $sites }
fact-present = { $finding }
fact-suggested = { $finding } (likely)
fact-absent = no { $finding }
fact-view = { $modality }: { $said }
fact-history = { $said }
fact-quantity = { $quantity }: { $value } { $unit }
fact-lab = { $analyte }: { $said }
fact-lab-level = { $analyte }: { $said } ({ $level })
level-very_low = very low
level-low = low
level-normal = normal
level-high = high
level-very_high = very high
level-positive = positive
level-negative = negative
state-present = { $name }
state-positive = { $name } positive
state-of = { $name }: { $state }
mechanism-metabolic_congenital = metabolic, congenital
mechanism-metabolic_acquired = metabolic, acquired
mechanism-dystrophic = dystrophic
mechanism-degenerative = degenerative
mechanism-metaplastic = metaplastic
mechanism-neoplastic = neoplastic
mechanism-mimic = mimic
nature-benign = benign
nature-intermediate = locally aggressive
nature-malignant = malignant
compare-title = { $a } against { $b }
compare-odds = prior { $prior } dB, facts { $facts } dB, together { $posterior } dB for the first
compare-for = For { $name }
would-separate = What is not known and would separate them
would-separate-line = { $name }: { $a } against { $b }; { $decibans } dB
evaluation-title = { $count ->
    [one] 1 proven case
   *[other] { $count } proven cases
 }
evaluation-own = { $count ->
    [one] 1 of them was counted into the knowledge and judges itself here: use --folds
   *[other] { $count } of them were counted into the knowledge and judge themselves here: use --folds
 }
evaluation-reliability = Reliability: how often a leader of that probability is right
evaluation-mechanisms = By mechanism of the truth
evaluation-subsets = Diagnoses with four cases and more here (common), and with fewer (rare)
evaluation-confusions = Taken for another
evaluation-misses = Truth not in first place
column-cases = cases
column-confidence = confidence
column-accuracy = right
column-mechanism-top1 = mechanism right
column-rank = rank
column-leader = leader
subset-common = common
subset-rare = rare
card-synonyms = Also called
card-codes = Codes
card-mechanism = Mechanism
card-nature = Nature
card-prior = Case mix
card-age = Age at presentation
card-age-value = median { $p50 } years, 5th to 95th percentile { $p05 } to { $p95 }
card-female = Women
card-sites = Where it lies
card-typical = Typical
card-against = Argues against it
card-findings = Findings
card-analytes = Laboratory
card-quantities = Numbers
card-sources = Sources
card-group = Group
card-elsewhere = Where a diagnosis says nothing of it
card-modalities = What shows it
card-sensitivity = sensitivity { $sensitivity }, specificity { $specificity }
card-frequency-in = How often, by diagnosis
card-alike = about as elsewhere in { $count } diagnoses
card-follows = Follows from
card-units = Units
card-reference = Reference intervals
card-reference-line = { $from } to { $to } years{ $sex }: { $low } - { $high } { $unit }
card-loinc = LOINC
card-background = As common as in anyone
card-judgement = judgement
card-learned = Proven cases counted
manual-title = What Apatite knows
manual-intro = This manual is generated from the knowledge files by `apatite knowledge manual`; a test fails where it differs from them. A frequency is a best value with its 90 % interval and its sources; "judgement" marks a number that is nobody's but ours.
manual-diagnoses = Diagnoses
manual-findings = Findings
manual-analytes = Laboratory
manual-conditions = Background conditions
fact-age-one = age 1 year
unknown-id = there is no diagnosis, finding, analyte or condition `{ $id }`
unknown-diagnosis = there is no diagnosis `{ $id }`
near = near it: { $ids }
