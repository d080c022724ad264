//! What stands against a plan is found before anything is made: privileges that are missing, quotas
//! that are used up, and what a target would drop without a word or die of. The real binary against
//! real servers, and against doubles of those that cannot run here.

mod holding;
mod permission;
mod quota;
