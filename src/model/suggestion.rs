//! "Did you mean": the known word that is nearest to an unknown one.

/// The nearest candidate, when it is near enough to be a slip.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Words in backticks, with commas.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// Edit distance with neighbouring swaps (optimal string alignment), ignoring case.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let width = right.len() + 1;
    let mut cells = vec![0; (left.len() + 1) * width];
    for row in 0..=left.len() {
        for column in 0..=right.len() {
            cells[row * width + column] = if row == 0 || column == 0 {
                row + column
            } else {
                let at = |up: usize, back: usize| cells[(row - up) * width + column - back];
                let change = usize::from(left[row - 1] != right[column - 1]);
                let mut best = (at(1, 0) + 1).min(at(0, 1) + 1).min(at(1, 1) + change);
                if row > 1
                    && column > 1
                    && left[row - 1] == right[column - 2]
                    && left[row - 2] == right[column - 1]
                {
                    best = best.min(at(2, 2) + 1);
                }
                best
            };
        }
    }
    cells[cells.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let words = ["endpoint", "password", "token"];
        assert_eq!(closest("endpiont", words), Some("endpoint"));
        assert_eq!(closest("Token", words), Some("token"));
        assert_eq!(closest("uri", words), None);
        assert_eq!(distance("abcd", "acbd"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
