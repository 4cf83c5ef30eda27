use apatite_reason::*;
use apatite_knowledge::*;
fn main(){
    let f=Folder::from_dir(std::path::Path::new("knowledge")).unwrap(); let mut k=match Knowledge::read(&f){Ok(k)=>k,Err(e)=>{for x in e{println!("{x}")};return}};
    for a in std::env::args().skip(1){ if let Some((n,v))=a.split_once('='){ let v:f64=v.parse().unwrap(); if let Some(g)=n.strip_prefix("fa."){ let voc=k.vocabulary.clone(); for m in k.modalities.values_mut(){ for (gid,w) in m.groups.iter_mut(){ if gid==g||g=="all"{w.specificity.best=(1.0-(1.0-w.specificity.best)*v).clamp(0.02,0.999)}} for (f,w) in m.findings.iter_mut(){ let gid=voc.group_of(f).map(|x|x.id.clone()).unwrap_or_default(); if gid==g||g=="all"||f==g{w.specificity.best=(1.0-(1.0-w.specificity.best)*v).clamp(0.02,0.999)}}} continue } if n=="drop"{continue} if let Some(g)=n.strip_prefix("sh."){ let els=k.findings.findings.clone(); let voc=k.vocabulary.clone(); for d in k.diagnoses.iter_mut(){ for (f,x) in d.findings.iter_mut(){ let gid=voc.group_of(f).map(|x|x.id.clone()).unwrap_or_default(); if g=="all"||gid==g||f==g{ if let Some(e)=&els[f].elsewhere{ x.best=(1.0-v)*x.best+v*e.best;}}} } continue } match n{"cw"=>k.constants.case_weight=v,"at"=>k.constants.atypical_presentation.best=v,"es"=>k.constants.elsewhere_share=v,"cm"=>k.constants.case_mix_weight=v,"lp"=>k.constants.largest_prior_strength=v,"as"=>k.constants.age_strength=v,"so"=>k.constants.suggestion_odds=v,"ages"=>for d in k.diagnoses.iter_mut(){let a=&mut d.age;a.p05=a.p50-(a.p50-a.p05)*v;a.p95=a.p50+(a.p95-a.p50)*v;},"sites"=>for d in k.diagnoses.iter_mut(){ for x in d.sites.values_mut(){x.best=x.best.powf(v)}},"grp"=>for d in k.diagnoses.iter_mut(){for g in d.groups.values_mut(){for x in g.values_mut(){x.best=x.best.powf(v)}}},"prior"=>for d in k.diagnoses.iter_mut(){for x in d.prior.values_mut(){x.best=x.best.powf(v)}},"sex"=>for d in k.diagnoses.iter_mut(){let x=&mut d.sex.female;x.best=0.5+(x.best-0.5)*v},"q"=>for d in k.diagnoses.iter_mut(){for a in d.quantities.values_mut(){let r=v;if a.p05>0.0{a.p05=a.p50*(a.p05/a.p50).powf(r);a.p95=a.p50*(a.p95/a.p50).powf(r);}}},_=>panic!()}}}
    let verbose=std::env::args().any(|a|a=="-v");
    let (p,_)=check(&k,&f); for x in &p{println!("{x}")}
    let load=|d:&str|{let mut v=vec![];let mut n:Vec<_>=std::fs::read_dir(d).unwrap().map(|e|e.unwrap().path()).collect();n.sort();for p in n{let t=std::fs::read_to_string(&p).unwrap();let r=apatite_case::read(&t,apatite_case::Format::Toml,&k,apatite_case::Policy::Default);for q in &r.problems{ if verbose {println!("{}:{} {:?} {} {:?}",p.display(),q.place.line,q.severity,q.message,q.help)}}v.push(ProvenCase{id:p.file_name().unwrap().to_string_lossy().into(),digest:t.clone(),case:r.case});}v};
    for d in ["published","article"]{
    let cs=load(&format!("../shared/cases/{d}"));
    let modes: Vec<(&str,Folds)>=vec![("bare",Folds::None(Counts::none())),("5fold",Folds::K{folds:5,shipped: if d=="article"{load("../shared/cases/published")}else{vec![]}})];
    for (n,m) in modes{
    let t=std::time::Instant::now();
    let e=evaluate(&cs,&k,&k.settings[0].id,&[],&m).unwrap();
    println!("{d} {n} n={} top1={:.3} top3={:.3} top5={:.3} mrr={:.3} brier={:.3} ll={:.3} ece={:.3} {:?}",e.cases,e.top1,e.top3,e.top5,e.mrr,e.brier,e.log_loss,e.ece,t.elapsed());
    if verbose && n=="5fold"{ for b in &e.reliability{println!("  {:.1} n={} conf={:.2} acc={:.2}",b.from,b.cases,b.confidence,b.accuracy)} for c in &e.per_case{if c.rank>1{println!("  {} rank {} p={:.3} leader {} {:.2}",c.file,c.rank,c.probability,c.leader,c.leader_probability)}}}
    }}
}
