//! Geometry as text: checked, and written as a server writes it again.

const SHAPES: [&str; 7] = [
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
];

/// The same geometry with the spaces, the case and the numbers of a round trip through binary.
///
/// # Errors
/// What is wrong with the text.
pub fn normalized(text: &str) -> Result<String, String> {
    let tokens = tokens(text)?;
    let (out, rest) = shape(&tokens)?;
    if rest.is_empty() { Ok(out) } else { Err(format!("{text:?} goes on after its geometry")) }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars() {
        match c {
            '(' | ')' | ',' => {
                tokens.push(c.to_string());
                open = false;
            }
            c if c.is_whitespace() => open = false,
            c if c.is_ascii_alphanumeric() || "+-.".contains(c) => {
                if open {
                    tokens.last_mut().unwrap().push(c.to_ascii_uppercase());
                } else {
                    tokens.push(c.to_ascii_uppercase().to_string());
                    open = true;
                }
            }
            other => return Err(format!("{other:?} in the geometry {text:?}")),
        }
    }
    Ok(tokens)
}

type Parsed<'a> = Result<(String, &'a [String]), String>;

fn shape(tokens: &[String]) -> Parsed<'_> {
    let (name, rest) = tokens.split_first().ok_or("an empty geometry")?;
    if !SHAPES.contains(&name.as_str()) {
        return Err(format!("{name:?} is no geometry"));
    }
    if rest.first().is_some_and(|token| token == "EMPTY") {
        return Ok((format!("{name} EMPTY"), &rest[1..]));
    }
    let depth = match name.as_str() {
        "POINT" | "LINESTRING" | "MULTIPOINT" => 0,
        "POLYGON" | "MULTILINESTRING" => 1,
        "MULTIPOLYGON" => 2,
        _ => {
            let (inside, rest) = list(rest, shape)?;
            return Ok((format!("{name} {inside}"), rest));
        }
    };
    let (inside, rest) = nested(rest, depth)?;
    if name == "POINT" && inside.contains(',') {
        return Err("a point of several points".to_owned());
    }
    Ok((format!("{name} {inside}"), rest))
}

fn nested(tokens: &[String], depth: usize) -> Parsed<'_> {
    if depth == 0 {
        return list(tokens, point);
    }
    list(tokens, |tokens| nested(tokens, depth - 1))
}

/// Numbers side by side; a point of a `MULTIPOINT` may be in parentheses of its own.
fn point(tokens: &[String]) -> Parsed<'_> {
    if tokens.first().is_some_and(|token| token == "(") {
        let (inside, rest) = list(tokens, point)?;
        return Ok((inside.trim_matches(['(', ')']).to_owned(), rest));
    }
    let count = tokens.iter().take_while(|token| token.parse::<f64>().is_ok()).count();
    if !(2..=4).contains(&count) {
        return Err(format!("a point of {count} numbers"));
    }
    let numbers: Vec<String> =
        tokens[..count].iter().map(|token| token.parse::<f64>().unwrap().to_string()).collect();
    Ok((numbers.join(" "), &tokens[count..]))
}

fn list<'a>(tokens: &'a [String], item: impl Fn(&'a [String]) -> Parsed<'a>) -> Parsed<'a> {
    let mut rest = match tokens.split_first() {
        Some((open, rest)) if open == "(" => rest,
        other => return Err(format!("a parenthesis instead of {other:?}")),
    };
    let mut items = Vec::new();
    loop {
        let (text, after) = item(rest)?;
        items.push(text);
        match after.split_first() {
            Some((comma, after)) if comma == "," => rest = after,
            Some((close, after)) if close == ")" => {
                return Ok((format!("({})", items.join(", ")), after));
            }
            other => return Err(format!("a comma or parenthesis instead of {other:?}")),
        }
    }
}
