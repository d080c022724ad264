//! What a process costs: its CPU seconds and the most memory that it ever had, from `/proc`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often a process is looked at.
const PERIOD: Duration = Duration::from_millis(5);
/// `sysconf(_SC_CLK_TCK)`, which Linux fixes for what it shows in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has cost so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Seconds of user and system time, of all of its threads.
    pub cpu: f64,
    /// The most resident memory that it ever had (`VmHWM`), bytes.
    pub peak_memory: u64,
}

/// Watches a process until it has ended; whoever started it waits for it afterwards.
///
/// The time is exact, as a process that has ended keeps it until it is waited for. The memory is
/// as of the last look, which is at most a few milliseconds before the end.
pub fn watch(pid: u32, limit: Duration) -> Cost {
    let began = Instant::now();
    let mut cost = Cost::default();
    loop {
        let Some(stat) = Stat::of(pid) else { return cost };
        cost.cpu = stat.own;
        cost.peak_memory = cost.peak_memory.max(peak_memory(pid).unwrap_or(0));
        if stat.ended {
            return cost;
        }
        assert!(began.elapsed() < limit, "process {pid} still runs after {limit:?}");
        std::thread::sleep(PERIOD);
    }
}

/// What a process that runs has cost so far.
pub fn cost(pid: u32) -> Cost {
    Cost {
        cpu: Stat::of(pid).map_or(0.0, |stat| stat.own),
        peak_memory: peak_memory(pid).unwrap_or(0),
    }
}

/// CPU seconds of a process, of those that it started, and of those that they did.
pub fn cpu_of_tree(root: u32) -> f64 {
    let mut stats: BTreeMap<u32, Stat> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(pid) = entry.file_name().to_string_lossy().parse()
            && let Some(stat) = Stat::of(pid)
        {
            stats.insert(pid, stat);
        }
    }
    let is_of_tree = |pid: u32| {
        let mut at = pid;
        while at != root {
            match stats.get(&at) {
                Some(stat) => at = stat.parent,
                None => return false,
            }
        }
        true
    };
    let members = stats.iter().filter(|(pid, _)| is_of_tree(**pid));
    members.map(|(_, stat)| stat.own + stat.waited_for).sum()
}

/// The most resident memory that a process ever had, bytes; nothing once it has ended.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

struct Stat {
    parent: u32,
    ended: bool,
    /// CPU seconds of its own.
    own: f64,
    /// CPU seconds of children that it waited for.
    waited_for: f64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may hold blanks and brackets.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let seconds = |place: usize| -> Option<f64> {
            Some(fields.get(place)?.parse::<f64>().ok()? / TICKS_PER_SECOND)
        };
        Some(Self {
            ended: ["Z", "X"].contains(fields.first()?),
            parent: fields.get(1)?.parse().ok()?,
            own: seconds(11)? + seconds(12)?,
            waited_for: seconds(13)? + seconds(14)?,
        })
    }
}
