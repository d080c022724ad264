//! What the rules look at in a file: the modules that it declares, and every name in the
//! code that is not only for tests, inside of macros too. Comments and strings are no code.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// A file or an inline module, read.
#[derive(Default)]
pub(super) struct Body {
    /// What is in no module of its own.
    pub(super) code: Vec<TokenTree>,
    pub(super) modules: Vec<Declaration>,
    /// Whether `#![cfg(test)]` leaves all of it to tests.
    pub(super) test: bool,
}

/// `mod name;` or `mod name { … }`.
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) line: usize,
    /// The value of `#[path = "…"]`.
    pub(super) path: Option<String>,
    pub(super) test: bool,
    /// What is between its braces.
    pub(super) inline: Option<TokenStream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A leaf of a `use` tree, from its first segment on.
    Use,
    /// `a::b` in an expression, a type or the string of an attribute.
    Path,
    /// `a::b!` with anything behind it.
    Macro,
    /// `.a(…)`.
    Method,
    /// The `mod` of a module inside of a block or a macro.
    HiddenModule,
}

#[derive(Debug)]
pub(super) struct Name {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// Reads the items of a module.
pub(super) fn read(stream: TokenStream) -> Body {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let test = (0..tokens.len()).any(|at| {
        is_punct(tokens.get(at), '#')
            && is_punct(tokens.get(at + 1), '!')
            && group(tokens.get(at + 2), Delimiter::Bracket).is_some_and(|it| is_for_tests(&it))
    });
    let mut body = Body { test, ..Body::default() };
    let mut at = 0;
    while at < tokens.len() {
        let (attributes, start) = outer_attributes(&tokens, at);
        if let (Some(module), Some(end)) = (module_at(&tokens, start), item_end(&tokens, start)) {
            let test = attributes.iter().any(|attribute| is_for_tests(attribute));
            let path = attributes.iter().find_map(|attribute| path_of(attribute));
            body.modules.push(Declaration { test, path, ..module });
            at = end;
        } else {
            let next = tokens.len().min(start + 1);
            body.code.extend_from_slice(&tokens[at..next]);
            at = next;
        }
    }
    body
}

/// The contents of the `#[…]` from a place on, and the place behind them.
fn outer_attributes(tokens: &[TokenTree], mut at: usize) -> (Vec<Vec<TokenTree>>, usize) {
    let mut found = Vec::new();
    while is_punct(tokens.get(at), '#') {
        let Some(content) = group(tokens.get(at + 1), Delimiter::Bracket) else { break };
        found.push(content);
        at += 2;
    }
    (found, at)
}

/// Whether an attribute is a `cfg` that only tests fulfil.
fn is_for_tests(attribute: &[TokenTree]) -> bool {
    fn needs_test(condition: &[TokenTree]) -> bool {
        match condition {
            [TokenTree::Ident(word)] => word == "test",
            [TokenTree::Ident(word), all] if word == "all" => {
                group(Some(all), Delimiter::Parenthesis).is_some_and(|all| {
                    all.split(|token| is_punct(Some(token), ',')).any(needs_test)
                })
            }
            _ => false,
        }
    }
    match attribute {
        [TokenTree::Ident(word), condition] if word == "cfg" => {
            group(Some(condition), Delimiter::Parenthesis).is_some_and(|it| needs_test(&it))
        }
        _ => false,
    }
}

fn path_of(attribute: &[TokenTree]) -> Option<String> {
    match attribute {
        [TokenTree::Ident(word), _, TokenTree::Literal(text)] if word == "path" => {
            Some(text.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

/// The place behind `pub`, `pub(crate)`, ….
fn behind_visibility(tokens: &[TokenTree], at: usize) -> usize {
    let restricted = group(tokens.get(at + 1), Delimiter::Parenthesis).is_some();
    if is_word(tokens.get(at), "pub") { at + 1 + usize::from(restricted) } else { at }
}

/// The module that is declared at a place; of its attributes nothing is known here.
fn module_at(tokens: &[TokenTree], at: usize) -> Option<Declaration> {
    let at = behind_visibility(tokens, at);
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { return None };
    let inline = match tokens.get(at + 2) {
        Some(TokenTree::Group(group)) => Some(group.stream()),
        _ => None,
    };
    is_word(tokens.get(at), "mod").then(|| Declaration {
        name: name.to_string(),
        line: name.span().start().line,
        path: None,
        test: false,
        inline,
    })
}

/// The place behind the item or `let` that begins at a place; `None` when none is known to begin.
fn item_end(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let mut at = behind_visibility(tokens, at);
    let mut words = tokens[at.min(tokens.len())..].iter().map(|token| match token {
        TokenTree::Ident(word) => word.to_string(),
        _ => String::new(),
    });
    let (first, second) = (words.next()?, words.next().unwrap_or_default());
    let semicolon_only = match first.as_str() {
        "use" | "static" | "type" | "let" => true,
        "const" => !["fn", "unsafe", "async", "extern"].contains(&second.as_str()),
        "mod" | "fn" | "impl" | "trait" | "struct" | "enum" | "union" | "macro_rules"
        | "unsafe" | "async" | "extern" => false,
        _ => return None,
    };
    loop {
        let token = tokens.get(at)?;
        at += 1;
        let body = group(Some(token), Delimiter::Brace).is_some() && !semicolon_only;
        if body || is_punct(Some(token), ';') {
            return Some(at);
        }
    }
}

/// Every name in tokens that are not only for tests.
pub(super) fn names(tokens: &[TokenTree]) -> Vec<Name> {
    let mut found = Vec::new();
    collect(tokens, &mut found);
    found
}

fn collect(tokens: &[TokenTree], found: &mut Vec<Name>) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) => collect(&inside(group), found),
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let inner = at + usize::from(is_punct(tokens.get(at), '!'));
                let (attributes, start) = match group(tokens.get(inner), Delimiter::Bracket) {
                    Some(attribute) if inner > at => (vec![attribute], inner + 1),
                    _ => outer_attributes(tokens, at - 1),
                };
                // An item is cut out when its end is certain; everything else is looked at.
                match item_end(tokens, start) {
                    Some(end) if attributes.iter().any(|it| is_for_tests(it)) => at = end,
                    _ => {
                        attributes.iter().for_each(|it| collect_attribute(it, found));
                        at = at.max(start);
                    }
                }
            }
            // `impl Trait + use<'a>` imports nothing.
            TokenTree::Ident(word) if word == "use" && !is_punct(tokens.get(at), '<') => {
                let rest = &tokens[at..];
                let end = rest.iter().position(|token| is_punct(Some(token), ';'));
                let end = end.unwrap_or(rest.len());
                collect_use(&rest[..end], &[], found);
                at += end;
            }
            TokenTree::Ident(word) => {
                let line = word.span().start().line;
                let mut segments = vec![word.to_string()];
                let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
                if is_punct(before(2), '.') && !is_punct(before(3), '.') {
                    if group(tokens.get(at), Delimiter::Parenthesis).is_some() {
                        found.push(Name { segments, line, kind: Kind::Method });
                    }
                    continue;
                }
                while let Some(segment) = next_segment(tokens, at) {
                    segments.push(segment);
                    at += 3;
                }
                let kind = if word == "mod" {
                    Kind::HiddenModule
                } else if is_punct(tokens.get(at), '!')
                    && matches!(tokens.get(at + 1), Some(TokenTree::Group(_)))
                {
                    Kind::Macro
                } else if segments.len() > 1 {
                    Kind::Path
                } else {
                    continue;
                };
                found.push(Name { segments, line, kind });
            }
            _ => {}
        }
    }
}

/// The identifier behind `::` at a place.
fn next_segment(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at..at + 3)? {
        [TokenTree::Punct(first), TokenTree::Punct(second), TokenTree::Ident(segment)]
            if first.as_char() == ':'
                && first.spacing() == Spacing::Joint
                && second.as_char() == ':' =>
        {
            Some(segment.to_string())
        }
        _ => None,
    }
}

/// Names in an attribute other than documentation, also those that serde takes as strings.
fn collect_attribute(attribute: &[TokenTree], found: &mut Vec<Name>) {
    if !is_word(attribute.first(), "doc") {
        collect(attribute, found);
        collect_strings(attribute, found);
    }
}

fn collect_strings(tokens: &[TokenTree], found: &mut Vec<Name>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect_strings(&inside(group), found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let segments: Vec<String> =
                    text.trim_matches('"').split("::").map(str::to_owned).collect();
                let is_path = segments.iter().all(|segment| {
                    !segment.is_empty()
                        && segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                });
                if is_path && segments.len() > 1 {
                    let line = literal.span().start().line;
                    found.push(Name { segments, line, kind: Kind::Path });
                }
            }
            _ => {}
        }
    }
}

/// The leaves of a `use` tree, each with all that is before it.
fn collect_use(tree: &[TokenTree], before: &[String], found: &mut Vec<Name>) {
    let mut segments = before.to_vec();
    let mut line = 0;
    for token in tree {
        line = token.span().start().line;
        match token {
            TokenTree::Ident(word) if word == "as" => break,
            TokenTree::Ident(word) if word == "self" && !segments.is_empty() => {}
            TokenTree::Ident(word) => segments.push(word.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '*' => segments.push("*".to_owned()),
            TokenTree::Group(group) => {
                for part in inside(group).split(|token| is_punct(Some(token), ',')) {
                    collect_use(part, &segments, found);
                }
                return;
            }
            _ => {}
        }
    }
    if !tree.is_empty() {
        found.push(Name { segments, line, kind: Kind::Use });
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

fn is_word(token: Option<&TokenTree>, text: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(word)) if word == text)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(inside(group)),
        _ => None,
    }
}
