follow-registration = { $days } apart. Registered on the skeleton: edges of bone { $residual } mm apart (median), { $overlap } of the bone overlaps, turned by { $angle }°; { $view } of the earlier view is in the later one.
follow-days = { $count ->
    [one] 1 day
   *[other] { $count } days
 }
follow-days-unknown = Unknown time
follow-none = No calcification was found in either study.
follow-burden = All calcifications in the view of both studies
follow-outcome-matched = in both studies
follow-outcome-split = one became several
follow-outcome-merged = several became one
follow-outcome-regrouped = several became several others
follow-outcome-new = new
follow-outcome-gone = gone
follow-outcome-unsettled = in one study only, with mineral in its place in the other
follow-outcome-out_of_view = not wholly in the view of both studies
follow-not-compared = { $earlier } mm³, then { $later } mm³: not compared
follow-volume = volume { $earlier } → { $later } mm³ ({ $share }), difference { $low } to { $high } mm³ (95 % interval), limit of repeatability { $limit } mm³
follow-mass = mass { $earlier } → { $later } HU·cm³ ({ $share }), difference { $low } to { $high }, limit { $limit }
follow-density = mean { $earlier } → { $later } HU ({ $share }), difference { $low } to { $high }, limit { $limit }
follow-verdict-increased = increased
follow-verdict-decreased = decreased
follow-verdict-no_change = no change
follow-finding-came = { $finding }: came ({ $earlier }, then { $later })
follow-finding-went = { $finding }: went ({ $earlier }, then { $later })
follow-growth = grows by { $growth } mm³ per month ({ $low } to { $high })
follow-warning-protocol = The studies differ in kernel or tube voltage: compare attenuation and mass with care.
follow-warning-loose_fit = The skeletons fit less well than those of one patient mostly do: make sure that both studies are of the same patient, and look at the pictures.
follow-warning-little_in_common = Less than half of the earlier view is in the later one.
follow-warning-voxel_size = The voxels of one study are half as large again as those of the other: compare small lesions with care.
follow-warning-dates = The time between the studies is not known: no growth per month.
follow-limit = Limit of repeatability of a volume V: { $share } V + { $root } √V + { $fixed } mm³; 95 % of differences without change are smaller ({ $sources }).
