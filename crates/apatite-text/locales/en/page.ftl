# The page of `apatite serve`. Names of findings and diagnoses come from the knowledge.
page-worklist = Worklist
page-untitled = Case without a title
page-language = Language
page-theme = Light or dark
page-token = Access token
page-sign-in = Sign in
page-log-in = Log in
page-log-out = Log out
page-role-reader = Reader
page-role-editor = Editor
page-role-admin = Administrator
page-login-out = You are logged out.
page-login-stale = This login was not begun in this browser, or took too long. Log in again.
page-login-denied = The login service did not let you in.
page-login-no-role = The login service knows you, but you have no role here. Ask whoever runs this server.
page-login-invalid = What the login service said of you does not hold. Ask whoever runs this server.
page-login-provider = The login service does not answer as it should. Try again later.
page-loading = Loading…
page-uploading = Sending…
page-taking-in = Taking in…
page-taken = { $cases ->
    [one] 1 case
   *[other] { $cases } cases
 }, { $instances ->
    [one] 1 image
   *[other] { $instances } images
 } taken in; { $left } left out.
page-close = Close
page-drop-here = Drop DICOM folders, zip archives or case files
page-search = Search the worklist
page-modality = Modality
page-all-modalities = All modalities
page-open-files = Open files…
page-open-folder = Open folder…
page-case = Case
page-patient = Patient
page-date = Date
page-region = Region
page-found = Found
page-leading = Leading diagnosis
page-years = { $years } y
page-female = female
page-male = male
page-calcifications = { $count ->
    [0] no calcification
    [one] 1 calcification
   *[other] { $count } calcifications
 }
page-empty = No case yet. Drop DICOM folders, zip archives or case files anywhere on this page.
page-nothing-found = No case matches the search.
page-setting = Setting
page-what-if = What if
page-supposing = { $count ->
    [0] Click facts to suppose them; nothing is stored.
    [one] 1 fact supposed, nothing stored
   *[other] { $count } facts supposed, nothing stored
 }
page-undo = Undo
page-log = Log ({ $count })
page-report = Report
page-export = Export
page-pictures = Pictures
page-lesions = Lesions
page-facts = Facts
page-differential = Differential diagnosis
page-differential-if = If it were so
page-edit-fact = Finding
page-edit-lab = Laboratory
page-edit-patient = Patient
page-edit-site = Region
page-edit-quantity = Measurement
page-edit-title = Title
page-edit-setting = Setting
page-edit-lesion = Lesion
page-edit-lesion_kind = Kind of lesion
page-edit-undo = Undone
page-tools = Tools
page-series = Series
page-tool-WindowLevel = Window
page-tool-Crosshairs = Cross-hairs
page-tool-Pan = Pan
page-tool-Zoom = Zoom
page-tool-Length = Length
page-tool-Angle = Angle
page-tool-EllipticalROI = ROI
page-window = Window
page-window-soft = Soft tissue
page-window-bone = Bone
page-window-calcium = Calcium
page-window-lung = Lung
page-window-fat = Fat
page-one-plane = One plane
page-overlay = Lesions
page-reset = Reset
page-cancel = Cancel
page-analyse = Analyse
page-analyse-again = Analyse again
page-accept = Accept
page-reject = Reject
page-kind = What it is
page-no-lesion = No calcification outside the skeleton was found.
page-gap = Gap between opposing bones
page-gap-bridged = bridged
page-gap-bone = bone
page-age = Age
page-sex = Sex
page-search-facts = Search findings and tests
page-history = History
page-labs = Laboratory
page-disagree = The reader and the images disagree on: { $finding }. The reader's word stands.
page-sites = Regions
page-quantities = Measurements
page-from-images = From the images
page-present = Present
page-suggested = Likely
page-absent = Absent
page-fragile = fragile lead
page-fragile-why = Over draws of all the numbers from their intervals the first does not stay first.
page-mechanisms = By mechanism
page-malignant = Malignant
page-sources = What is known, with sources
page-compare = Compare two
page-odds = prior { $prior } dB, facts { $facts } dB, together { $together } dB
page-expected = Expected in it, not known here
page-more = All diagnoses
page-fewer = Fewer
page-would-separate = What would separate them
page-modalities-disagree = The modalities do not agree
page-unexplained = Explained by none of the likely diagnoses
page-lacking = What the case lacks most
page-bits = { $bits } bits
page-gradings = Gradings
page-next = What to examine next
page-leader-change = may change the lead: { $share }
page-insufficient = Too little is known: what is still open may change the lead ({ $share }).
page-edit-lesion_drawing = Lesions drawn
page-pen-Add = Add
page-pen-Add-why = Click on what is dense: it becomes a lesion, grown in three dimensions
page-pen-Brush = Brush
page-pen-Brush-why = Paint the chosen lesion, or a new one where none is chosen
page-pen-Eraser = Erase
page-pen-Eraser-why = Take voxels off lesions
page-pen-Cut = Cut
page-pen-Cut-why = Draw a line through the chosen lesion: it becomes two
page-radius = Radius of the brush
page-choose-lesion = Choose a lesion in the list first.
page-split = Split
page-split-why = Each connected part becomes a lesion
page-merge = Merge
page-merge-why = The marked lesions become part of this one
page-act-add = added
page-act-merge = merged
page-act-split = split
page-act-paint = painted
page-act-erase = erased
page-beside = Beside it
page-other-frame = Another frame of reference: linked by distance only
