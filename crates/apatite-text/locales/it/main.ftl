intended-use = Per ricerca e formazione. Sostiene una decisione e non la prende mai.
knowledge-line = Conoscenze { $version }, sha256 { $hash }
setting-line = Contesto: { $setting }
differential = Diagnosi differenziale
others-together = { $count ->
    [one] l'altra
   *[other] le altre { $count } insieme
 }
robustness-line = Tra parentesi dal 5º al 95º percentile su { $draws } estrazioni di tutti i numeri dai loro intervalli; quota in cui prevale la prima: { $share }.
robustness-fragile = Il primato è fragile: su { $draws } estrazioni di tutti i numeri dai loro intervalli (tra parentesi dal 5º al 95º percentile) la quota in cui prevale la prima è solo { $share }.
by-mechanism = Per meccanismo
odds-line = a priori { $prior } dB, fatti { $facts } dB, insieme { $posterior } dB (pesi dell'evidenza; 10 dB è dieci a uno)
for = A favore
against = Contro
remaining-facts = { $count ->
    [one] 1 altro fatto, sotto 0,5 dB
   *[other] altri { $count } fatti insieme, ciascuno sotto 0,5 dB
 }
expected = Attesi, qui non noti
expected-line = { $name }: { $probability } di questi pazienti, { $decibans } dB se presente
confirmation = Come si conferma
must-not-miss = Da non mancare
disagree = Le metodiche non concordano
disagree-line = { $finding }: visto in { $present }, non visto in { $absent }
implied = Detto, ma compreso in un altro fatto
implied-line = { $finding } ({ $modalities }): in { $by }
unexplained = Non spiegati da nessuna delle diagnosi probabili
unexplained-line = { $fact } (al massimo { $probability } dei pazienti con una di esse)
lacking = Che cosa manca di più al caso (informazione attesa sulla diagnosi)
lacking-line = { $name } ({ $information } bit)
no-facts = Il caso non dice nulla: quello che segue è la casistica del contesto.
fact-age = età { $years } anni
fact-sex-female = sesso femminile
fact-sex-male = sesso maschile
fact-sites = sede: { $sites }
fact-present = { $finding }
fact-suggested = { $finding } (probabile)
fact-absent = assente: { $finding }
fact-view = { $modality }: { $said }
fact-history = { $said }
fact-quantity = { $quantity }: { $value } { $unit }
fact-lab = { $analyte }: { $said }
fact-lab-level = { $analyte }: { $said } ({ $level })
level-very_low = molto sotto la norma
level-low = sotto la norma
level-normal = nella norma
level-high = sopra la norma
level-very_high = molto sopra la norma
level-positive = esito positivo
level-negative = esito negativo
state-present = { $name }
state-positive = { $name }: esito positivo
state-of = { $name }: { $state }
mechanism-metabolic_congenital = metabolica congenita
mechanism-metabolic_acquired = metabolica acquisita
mechanism-dystrophic = distrofica
mechanism-degenerative = degenerativa
mechanism-metaplastic = metaplastica
mechanism-neoplastic = neoplastica
mechanism-mimic = simulatore
nature-benign = benigna
nature-intermediate = localmente aggressiva
nature-malignant = maligna
compare-title = { $a } contro { $b }
compare-odds = a priori { $prior } dB, fatti { $facts } dB, insieme { $posterior } dB per la prima
compare-for = A favore di { $name }
would-separate = Che cosa non è noto e le distinguerebbe
would-separate-line = { $name }: { $a } contro { $b }; { $decibans } dB
evaluation-title = { $count ->
    [one] 1 caso dimostrato
   *[other] { $count } casi dimostrati
 }
evaluation-own = { $count ->
    [one] 1 di essi è stato contato nelle conoscenze e qui giudica sé stesso: usare --folds
   *[other] { $count } di essi sono stati contati nelle conoscenze e qui giudicano sé stessi: usare --folds
 }
evaluation-reliability = Affidabilità: quanto spesso è giusta la prima diagnosi con quella probabilità
evaluation-mechanisms = Per meccanismo della diagnosi vera
evaluation-subsets = Diagnosi con quattro casi o più qui (comuni) e con meno (rare)
evaluation-confusions = Scambiate per un'altra
evaluation-misses = Diagnosi vera non al primo posto
column-cases = casi
column-confidence = fiducia
column-accuracy = giuste
column-mechanism-top1 = meccanismo giusto
column-rank = posto
column-leader = prima
subset-common = comuni
subset-rare = rare
card-synonyms = Detta anche
card-codes = Codici
card-mechanism = Meccanismo
card-nature = Natura
card-prior = Casistica
card-age = Età alla presentazione
card-age-value = mediana { $p50 } anni, dal 5º al 95º percentile { $p05 } - { $p95 }
card-female = Donne
card-sites = Sede
card-typical = Tipico
card-against = Argomenti contrari
card-findings = Reperti
card-analytes = Laboratorio
card-quantities = Numeri
card-sources = Fonti
card-group = Gruppo
card-elsewhere = Dove una diagnosi non ne dice nulla
card-modalities = Che cosa lo mostra
card-sensitivity = sensibilità { $sensitivity }, specificità { $specificity }
card-frequency-in = Quanto spesso, per diagnosi
card-alike = circa come altrove in { $count } diagnosi
card-follows = Deriva da
card-units = Unità
card-reference = Intervalli di riferimento
card-reference-line = da { $from } a { $to } anni{ $sex }: { $low } - { $high } { $unit }
card-loinc = LOINC
card-background = Come in chiunque
card-judgement = giudizio
card-learned = Casi dimostrati contati
manual-title = Che cosa sa Apatite
manual-intro = Questo manuale è generato dai file delle conoscenze con `apatite knowledge manual`; un test fallisce se ne differisce. Una frequenza è un valore migliore con il suo intervallo al 90 % e le sue fonti; «giudizio» segna un numero che è solo nostro.
manual-diagnoses = Diagnosi
manual-findings = Reperti
manual-analytes = Laboratorio
manual-conditions = Condizioni di fondo
fact-age-one = età 1 anno
unknown-id = non esiste diagnosi, reperto, esame di laboratorio o condizione `{ $id }`
unknown-diagnosis = non esiste una diagnosi `{ $id }`
near = simili: { $ids }
