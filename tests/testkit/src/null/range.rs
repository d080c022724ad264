//! The filters over the key that the tool writes.

/// The keys of 1 to `rows` that a filter holds for: the first and the last, or none.
///
/// # Errors
/// The part that is not understood.
pub fn keys(expression: &str, rows: i64) -> Result<Option<(i64, i64)>, String> {
    let (mut first, mut last) = (1, rows);
    for part in expression.split(" and ").filter(|part| !part.trim().is_empty()) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let ["id", comparison, number] = words[..] else { return Err(part.to_owned()) };
        let number: i64 = number.parse().map_err(|_| part.to_owned())?;
        match comparison {
            ">" => first = first.max(number.saturating_add(1)),
            ">=" => first = first.max(number),
            "<" => last = last.min(number.saturating_sub(1)),
            "<=" => last = last.min(number),
            "==" => (first, last) = (first.max(number), last.min(number)),
            _ => return Err(part.to_owned()),
        }
    }
    Ok((first <= last).then_some((first, last)))
}
