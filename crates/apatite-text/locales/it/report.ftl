report-kind = Referto di una calcificazione dei tessuti molli
report-untitled = Caso senza titolo
report-contents = Indice
report-page = Pagina
report-patient = Paziente
report-date = Data
report-setting = Contesto
report-source = Fonte
report-unknown = sesso ed età non indicati
report-age = { $years } anni
report-age-one = 1 anno
report-impression = Conclusioni
report-no-facts = Nessun dato
report-ranked = { $name }: { $probability }.
report-ranked-interval = { $name }: { $probability } (da { $low } a { $high }).
report-fragile = Il primato è fragile: la prima diagnosi è in testa solo nel { $share } di { $draws } estrazioni di tutti i numeri dai loro intervalli.
report-malignant = Diagnosi maligne nell'insieme: { $probability }; la più probabile: { $name } ({ $own }).
report-surprise = Nessuna delle diagnosi probabili spiega: { $fact }.
report-must-not-miss = Da non mancare ({ $name })
report-differential-caption = Probabilità di ogni diagnosi; tra parentesi e come linea sottile dal 5° al 95° percentile
report-diagnosis = Diagnosi
report-probability = Probabilità
report-mechanism = Meccanismo
report-reasons = Motivi
report-weights-caption = Quanto pesa ogni dato a favore o contro { $name } (10 dB sono dieci a uno)
report-fact = Dato
report-speaks = Parla
report-weight = Peso
report-images = Immagini chiave
report-lesions = Lesioni
report-lesions-caption = Lesioni, prima le calcificazioni più sicure
report-lesion-number = N.
report-kind-of-lesion = Tipo
report-volume = Volume, mm³
report-diameter = Diametro, mm
report-mean-hu = Media, HU
report-max-hu = Max, HU
report-to-bone = Dall'osso, mm
report-finding = Reperto
report-findings = Reperti
report-measured-from = Misurato da
report-limits = Limiti della misura
report-known = Che cosa si sa
report-clinical = Notizie cliniche
report-technique = Tecnica
report-patient-line = Paziente: { $patient }.
report-no-history = Non sono stati forniti anamnesi né esami di laboratorio.
report-no-imaging = Non sono state fornite immagini.
report-nothing-told = non ne è stato riferito nulla.
report-present = { $findings }.
report-suggested = Probabile: { $findings }.
report-absent = Non presente: { $findings }.
report-measured = Misurato sulle immagini: { $findings }.
report-study-shown = { $modality }, studio { $name }: mostrato, non misurato.
report-study-measured = { $modality }, studio { $name }: { $size } voxel di { $spacing } mm, rumore { $noise } HU; lesioni trovate e misurate dal programma.
report-lesions-line = { $count }, in tutto { $volume } mm³; { $others }.
report-count-calcifications = { $count ->
    [0] Nessuna calcificazione fuori dallo scheletro
    [one] Una calcificazione
   *[other] { $count } calcificazioni
 }
report-count-others = { $count ->
    [0] nessun'altra struttura densa
    [one] un'altra struttura densa (vaso, osso o variante, metallo, contrasto, artefatto)
   *[other] altre { $count } strutture dense (vasi, osso o varianti, metallo, contrasto, artefatti)
 }
report-more-lesions = { $count ->
    [one] Una calcificazione più piccola o meno certa non è descritta qui.
   *[other] { $count } calcificazioni più piccole o meno certe non sono descritte qui.
 }
report-lesion = Lesione { $id }: { $diameter } mm, { $volume } mm³, media { $mean } HU, massimo { $max } HU; { $findings }.
report-lesion-bare = Lesione { $id }: { $diameter } mm, { $volume } mm³, media { $mean } HU, massimo { $max } HU.
report-lacking = Che cosa manca di più al caso
report-unknown-fact = Non noto
report-bits = Informazione attesa, bit
report-remarks = Osservazioni sui dati in ingresso
report-provenance = Come è stato fatto questo referto
report-what = Voce
report-value = Valore
report-program = Programma
report-knowledge = Conoscenza
report-case-file = File del caso
report-draws = Intervallo
report-draws-value = { $draws } estrazioni di tutti i numeri dai loro intervalli, seme { $seed }
report-series-of = Serie misurata ({ $name })
report-alarms = Allarmi
report-emergency = Emergenza
report-urgent = Urgente
report-notice = Nota
report-clash = Entrambi sono stati riferiti come presenti e non possono esserlo insieme: { $first }; { $second }.
report-next = Che cosa fare ora
report-next-caption = Esami non ancora eseguiti, prima quelli che dicono di più in rapporto al loro peso
report-examination = Esame
report-gain = Guadagno atteso, bit
report-leader-change = La prima diagnosi cambia nel
report-burden = Peso per il paziente
report-dose = { $dose } mSv
report-contrast-iodinated = contrasto iodato
report-contrast-gadolinium = contrasto con gadolinio
report-delay = { $days } giorni
report-cost = classe di costo { $class }
report-not-to-do = Da non eseguire: { $examination }
report-with-care = Con cautela: { $examination }
report-more-examinations = { $count ->
    [one] Un altro esame non è mostrato.
   *[other] Altri { $count } esami non sono mostrati.
 }
report-insufficient = Ciò che non è ancora noto cambierebbe la prima diagnosi nel { $share } dei modi in cui può risultare: esaminare oltre prima di farvi affidamento.
report-enough = Ciò che non è ancora noto cambierebbe la prima diagnosi nel { $share } dei modi in cui può risultare.
report-strange = I dati si accordano male con qualunque diagnosi: è un caso strano.
report-next-line = Prossimo passo: { $examinations }.
report-plane-axial = assiale
report-plane-coronal = coronale
report-plane-sagittal = sagittale
report-picture-through = Sezione { $plane } attraverso la prima calcificazione misurata nello stesso spazio.
report-picture-middle = Sezione { $plane } attraverso il centro dello studio.
report-picture-lesion = Lesione { $id }, sezione assiale dove è più grande, contornata.
report-picture-level = Lesione { $id }, sezione assiale attraverso il livello liquido-sedimento (linea tratteggiata), contornata.
report-picture-projection = Proiezione di massima intensità dal davanti, lesioni contornate e numerate.
report-picture-surface = Superfici di osso e lesioni dal davanti e da sinistra.
report-picture-figures = { $diameter } mm di diametro, media { $mean } HU, massimo { $max } HU.
report-gradings = Gradi
report-gradings-caption = Classificazioni in uso, per le diagnosi più probabili
report-grading = Classificazione
report-grade = Grado
report-agreement = Note e concordanza
report-between-observers = Tra osservatori, { $modality }: { $statistic } { $value }
report-between-readings = Dello stesso osservatore, { $modality }: { $statistic } { $value }
report-comparison = Confronto con lo studio precedente
report-comparison-caption = Volumi, mm³, con l'intervallo al 95 % della differenza
report-outcome = Che cosa ne è stato
report-earlier = Prima
report-later = Dopo
report-difference = Differenza
report-verdict = Giudizio
report-not-compared = non confrontata
report-growth = { $growth } mm³ al mese
report-limit = Limite di ripetibilità di un volume V: { $share } V + { $root } √V + { $fixed } mm³
remark-disagreement = Il lettore dice { $said }: { $finding }; le immagini gli danno { $probability } ({ $because }). Vale la parola del lettore.
remark-present = presente
remark-absent = assente
