use missions::planner::streets::{self, *};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let f = |i: usize| a[i].parse::<f64>().unwrap();
    for c in ["beijing","chongqing","dongguan","hangzhou"] {
        let d = "/work/shared/data/street_graphs";
        let (p, s) = streets::read::line_coverage(&std::fs::read_to_string(format!("{d}/{c}.node_data")).unwrap(), &std::fs::read_to_string(format!("{d}/{c}.req_edge_list")).unwrap()).unwrap();
        let w = f(4).to_radians();
        let net = StreetNetwork::straight(p, &s, AirSpeeds{patrol_mps: f(1), transit_mps: f(2), wind_east_mps: f(3)*w.cos(), wind_north_mps: f(3)*w.sin()}).unwrap();
        let t = std::time::Instant::now();
        let plan = plan_streets(&net, Effort{steps: f(5) as u64, seed: 1}, &mut || false).unwrap();
        let len: f64 = 0.0;
        println!("{c} pieces {} cost {:.2} patrol {:.2} transit {:.2} bound {:.2} {len} in {:?}", net.pieces(), plan.cost_s, plan.patrol_s, plan.transit_s, plan.bound_s, t.elapsed());
    }
}
