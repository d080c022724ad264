use super::*;

const REPORT: &str = "{\n  \"format_version\": \"1.0\"\n}\n";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_report_is_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let destination = Destination::new(&path).unwrap();
    assert!(!path.exists());
    destination.write(REPORT).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), REPORT);
    assert_eq!(names(folder.path()), ["report.json"]);
    // The next run begins: the old one is gone, and stays so when that run ends early.
    let destination = Destination::new(&path).unwrap();
    assert_eq!(names(folder.path()), ["report.json.part"]);
    drop(destination);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn reports_and_changes_do_not_replace_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (report, changes) = (folder.path().join("report.json"), folder.path().join("c.json"));
    let saved = "{\n  \"format_version\": \"1.10\",\n  \"kind\": \"changes\"\n}\n";
    Destination::new(&report).unwrap().write(REPORT).unwrap();
    Destination::of_changes(&changes).unwrap().write(saved).unwrap();
    let refused = Destination::of_changes(&report).unwrap_err();
    assert!(refused.contains("no file with saved changes of milvus-ferry"), "{refused}");
    let refused = Destination::new(&changes).unwrap_err();
    assert!(refused.contains("no report of milvus-ferry"), "{refused}");
    assert_eq!(fs::read_to_string(&changes).unwrap(), saved);
    Destination::of_changes(&changes).unwrap().write(saved).unwrap();
    Destination::new(&report).unwrap().write(REPORT).unwrap();
}

#[test]
fn a_place_that_is_not_fit_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path| Destination::new(path).unwrap_err();
    let text = refused(&folder.path().join("no/report.json"));
    assert!(text.contains("there is no such directory") && text.ends_with("make it"), "{text}");
    assert!(refused(folder.path()).ends_with("name a file in it"));
    let plan = folder.path().join("catalog.ferry.toml");
    fs::write(&plan, "version = 1\n").unwrap();
    assert!(refused(&plan).contains("a file is there that is no report of milvus-ferry"));
    assert_eq!(fs::read_to_string(&plan).unwrap(), "version = 1\n");
    assert_eq!(names(folder.path()), ["catalog.ferry.toml"]);
    // One that `mktemp` made is fit.
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    Destination::new(&empty).unwrap().write(REPORT).unwrap();
    assert_eq!(fs::read_to_string(&empty).unwrap(), REPORT);
}

#[cfg(unix)]
#[test]
fn a_link_stays_one_and_a_device_too() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.json"), folder.path().join("link.json"));
    fs::write(&real, REPORT).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    Destination::new(&link).unwrap().write(&format!("{REPORT}\n")).unwrap();
    assert_eq!(fs::read_to_string(&real).unwrap(), format!("{REPORT}\n"));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let device = Path::new("/dev/null");
    Destination::new(device).unwrap().write(REPORT).unwrap();
    assert!(!fs::metadata(device).unwrap().is_file());
}
