use missions::planner::rounds::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    for g in a[3].split(",") {
        let g0 = PatrolGraph::parse(&std::fs::read_to_string(format!("/work/shared/data/patrol_graphs/{g}.graph")).unwrap()).unwrap();
        let costs = g0.costs().unwrap();
        let t = std::time::Instant::now();
        let n = costs.places();
        let p = plan_rounds(&RoundsRequest{costs, importance: vec![1.0; n], aircraft: 4, one_each: false, effort: Effort{steps: a[1].parse().unwrap(), seed: a[2].parse().unwrap()}}, &mut || false).unwrap();
        println!("{g:16} {:?} worst {:.2} tsp/k {:.2} forest {:.2} bound {:.2} open {:.2} {:.2?} in {:?}", p.manner, p.worst_m, p.one_loop_m, p.forest_bound_m, p.bound_m, p.longest_open_way_m, p.compared, t.elapsed());
    }
}
