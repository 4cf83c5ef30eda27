/*! Outlines of a mask on one slice as closed polygons. */

use std::collections::BTreeMap;

/// Closed outlines of the set pixels of a slice, in pixel coordinates (a pixel reaches from -0.5 to 0.5 about its
/// centre). Each runs along the edges of pixels, with corners only where it turns; outer outlines turn one way, those
/// of holes the other. Pixels that touch at a corner only are parted.
pub(crate) fn outlines(
    columns: usize,
    rows: usize,
    is_set: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<[f64; 2]>> {
    let set = |column: i64, row: i64| {
        (0..columns as i64).contains(&column)
            && (0..rows as i64).contains(&row)
            && is_set(column as usize, row as usize)
    };
    // edges with the set pixel on their right, by their first corner; corners are counted from the upper left one
    let mut edges: BTreeMap<(i64, i64), Vec<(i64, i64)>> = BTreeMap::new();
    let mut edge = |from: (i64, i64), to: (i64, i64)| edges.entry(from).or_default().push(to);
    for row in 0..rows as i64 {
        for column in 0..columns as i64 {
            if !set(column, row) {
                continue;
            }
            if !set(column, row - 1) {
                edge((row, column), (row, column + 1));
            }
            if !set(column + 1, row) {
                edge((row, column + 1), (row + 1, column + 1));
            }
            if !set(column, row + 1) {
                edge((row + 1, column + 1), (row + 1, column));
            }
            if !set(column - 1, row) {
                edge((row + 1, column), (row, column));
            }
        }
    }
    let mut outlines = Vec::new();
    while let Some((&start, _)) = edges.first_key_value() {
        let mut corners = vec![start];
        let mut heading = (0, 0);
        let mut at = start;
        while let Some(ways) = edges.get_mut(&at) {
            // where two pixels touch at a corner, turn right: that stays with the same pixel
            let right = (at.0 + heading.1, at.1 - heading.0);
            let chosen = ways.iter().position(|way| *way == right).unwrap_or(0);
            let next = ways.swap_remove(chosen);
            if ways.is_empty() {
                edges.remove(&at);
            }
            let step = (next.0 - at.0, next.1 - at.1);
            if step == heading {
                corners.pop();
            }
            corners.push(next);
            (heading, at) = (step, next);
            if at == start {
                break;
            }
        }
        // the start is a corner of the mask's upper left: it always turns there; it closes by itself
        corners.pop();
        outlines.push(corners.iter().map(|&(row, column)| [column as f64 - 0.5, row as f64 - 0.5]).collect());
    }
    outlines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(picture: &[&str], expected: &[usize]) {
        let rows = picture.iter().map(|row| row.as_bytes()).collect::<Vec<_>>();
        let (columns, count) = (rows[0].len(), rows.len());
        let found = outlines(columns, count, |column, row| rows[row][column] == b'#');
        let corners = found.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(corners, expected, "{picture:?} {found:?}");
        // the signed areas sum up to the pixels: holes count against
        let area = |outline: &[[f64; 2]]| {
            let next = outline.iter().cycle().skip(1);
            outline.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>() / 2.0
        };
        let pixels = rows.iter().flat_map(|row| row.iter()).filter(|pixel| **pixel == b'#').count();
        let sum: f64 = found.iter().map(|outline| area(outline)).sum();
        assert!((sum - pixels as f64).abs() < 1e-9, "{picture:?} {sum}");
    }

    #[test]
    fn outlines_enclose_the_pixels() {
        check(&["...", ".#.", "..."], &[4]);
        check(&["##.", "##.", "..."], &[4]);
        check(&["#..", "##.", "..."], &[6]);
        check(&["#.", ".#"], &[4, 4]);
        check(&[".#", "#."], &[4, 4]);
        check(&["###", "#.#", "###"], &[4, 4]);
        check(&["....", "...."], &[]);
        check(&["##..##", "#.##.#", "######"], &[16]);
    }
}
