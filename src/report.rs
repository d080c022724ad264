//! Prints changes and outcomes plainly, until the reports replace it.
pub mod style { pub struct Style; impl Style { pub fn new(_: bool) -> Self { Self } } }
pub mod plan { pub fn render(c: &crate::changes::Changes, _: &super::style::Style) -> String {
  let mut s = String::new();
  for f in c.all_findings() { s.push_str(&format!("{:?} {} {} {}\n", f.severity, f.code, f.address, f.message)); }
  for c in &c.collections { s.push_str(&format!("{:?} {} <- {} rows {:?} bytes {:?} {}\n", c.action, c.target_address, c.source_address, c.rows(), c.bytes(), c.explanation)); }
  s } }
pub mod progress { pub enum Mode { Quiet, Json, Terminal, Lines } pub struct Progress; impl Progress { pub fn new(_: Mode) -> Self { Self } pub fn handle(&mut self, e: &crate::apply::Event) { if !matches!(e, crate::apply::Event::Copied{..}) {eprintln!("{e:?}");} } pub fn finish(self) {} } }
pub mod summary { pub fn render(o: &[crate::apply::Outcome], _: &super::style::Style, r: &str, d: std::time::Duration) -> String { format!("{o:#?}\n{r} {d:?}\n") } }
