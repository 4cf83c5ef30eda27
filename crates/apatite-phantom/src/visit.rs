/*! The same patient again: how a later study differs from the first. */

use crate::draw::{Draw, mix};
use crate::patterns::Plan;
use crate::scanner::Scanner;
use crate::scene::Tag;
use crate::space::{Point, Turn, along, scale};
use crate::{PhantomError, USUAL_SIZE};

/// A later study of the patient that the seed draws: the same body and the same lesions, with noise of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// Which study; 2 or more. Another number has other noise and other directions of turn and shift.
    pub number: u32,
    /// Weeks since the first study.
    pub weeks: u32,
    /// Share by which the volume of every lesion is larger than in the first study: 0.2 is a fifth more, -0.5 half.
    pub growth: f64,
    /// How far the part is turned about a drawn axis, degrees.
    pub turned_degrees: f64,
    /// How far the middle of the field of view lies from that of the first study, mm, in a drawn direction.
    pub shifted_mm: f64,
}

impl Visit {
    /// The visit of a number with nothing else changed but the noise, after four weeks.
    #[must_use]
    pub fn again(number: u32) -> Self {
        Self { number, weeks: 4, growth: 0.0, turned_degrees: 0.0, shifted_mm: 0.0 }
    }

    pub(crate) fn check(&self) -> Result<(), PhantomError> {
        let refuse = |option, value: f64, allowed| {
            Err(PhantomError::Option { option, value: value.to_string(), allowed })
        };
        if self.number < 2 {
            return refuse("the number of the later study", f64::from(self.number), "2 or more");
        }
        if self.weeks > 2000 {
            return refuse("the time", f64::from(self.weeks), "at most 2000 weeks");
        }
        if !(-0.9..=3.0).contains(&self.growth) {
            return refuse("the growth", self.growth, "-0.9 to 3");
        }
        if !(-180.0..=180.0).contains(&self.turned_degrees) {
            return refuse("the turn", self.turned_degrees, "-180 to 180 degrees");
        }
        if !(0.0..=100.0).contains(&self.shifted_mm) {
            return refuse("the shift", self.shifted_mm, "0 to 100 mm");
        }
        Ok(())
    }

    fn draw(&self, seed: u64) -> Draw {
        Draw::new(mix(seed ^ u64::from(self.number)), "visit")
    }

    /// Seed of the noise.
    pub(crate) fn noise_seed(&self, seed: u64) -> u64 {
        self.draw(seed).bits()
    }

    /// How the part is turned, in directions of the patient.
    pub(crate) fn turn(&self, seed: u64) -> Turn {
        let mut draw = self.draw(seed);
        draw.bits();
        Turn::about(draw.direction(), self.turned_degrees)
    }

    /// Where the middle of the field of view moves to, mm.
    pub(crate) fn shift(&self, seed: u64) -> Point {
        let mut draw = self.draw(seed);
        draw.bits();
        draw.direction();
        scale(draw.direction(), self.shifted_mm)
    }

    /// Swells every lesion about its centre of gravity.
    pub(crate) fn grow(&self, plan: &mut Plan, seed: u64) {
        if self.growth == 0.0 || plan.lesions.is_empty() {
            return;
        }
        let size = (1.0 + self.growth).cbrt();
        let centres = centres(plan, seed);
        plan.body.scene.swell(|tag| match tag {
            Tag::Mineral(number) | Tag::Matrix(number) => {
                centres[usize::from(number) - 1].map(|centre| (centre, size))
            }
            _ => None,
        });
    }
}

/// Centre of gravity of each lesion's mineral, in the frame of the region, from a coarse picture of all of it.
fn centres(plan: &Plan, seed: u64) -> Vec<Option<Point>> {
    const COARSER: usize = 3;
    let body = &plan.body;
    let spacing_mm = body.spacing_mm.map(|mm| mm * COARSER as f64);
    let size = USUAL_SIZE.map(|count| count / COARSER + 8);
    let steps = [0, 1, 2].map(|axis: usize| {
        let mut step = [0.0; 3];
        step[axis] = spacing_mm[axis];
        step
    });
    let origin =
        [0, 1, 2].map(|axis: usize| body.centre[axis] - spacing_mm[axis] * (size[axis] as f64 - 1.0) / 2.0);
    let scanner = Scanner {
        size,
        spacing_mm,
        origin,
        steps,
        blur_mm: 0.0,
        noise_hu: 0.0,
        noise_grain: 0.5,
        seed,
        noise_seed: seed,
    };
    let picture = scanner.scan(&body.scene.painted(), plan.lesions.len() as u16);
    let scene = |voxel: Point| (0..3).fold(origin, |point, axis| along(point, voxel[axis], steps[axis]));
    picture.amounts.iter().map(|[mineral, _]| mineral.centre().map(scene)).collect()
}

/// A date so many weeks after the first study, `YYYYMMDD`.
pub(crate) fn study_date(weeks: u32) -> String {
    // days from civil and back (H. Hinnant, chrono-compatible low-level date algorithms), from 2020-01-01
    const FIRST: u64 = 737_730;
    let days = FIRST + 7 * u64::from(weeks);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}

#[cfg(test)]
mod tests {
    use super::study_date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // against Python: date(2020, 1, 1) + timedelta(weeks=n)
        for (weeks, date) in
            [(0, "20200101"), (4, "20200129"), (9, "20200304"), (53, "20210106"), (523, "20300109")]
        {
            assert_eq!(study_date(weeks), date);
        }
    }
}
