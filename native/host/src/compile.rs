//! The components that answer requests, as code: from what was compiled before, or compiled now.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::Component as Code;

use crate::code_cache::{self, Key};
use crate::compose::{self, Part};
use crate::config::{Preparing, ProgressSink};
use crate::error::LoadError;
use crate::manifest::{Component, Dependency, Inherit, Manifest, Source, TriggerTarget};

/// What a component is made of.
struct Recipe<'a> {
    manifest: &'a Manifest,
    id: &'a str,
    source: PathBuf,
    ingredients: Vec<Ingredient>,
}

/// One of its dependencies.
struct Ingredient {
    name: String,
    path: PathBuf,
    export: Option<String>,
    inherit: Inherit,
}

/// A component to be compiled, the name of its entry, and the folder for it.
struct Missing<'a> {
    recipe: Recipe<'a>,
    name: String,
    folder: Option<PathBuf>,
}

enum Looked<'a> {
    Found(&'a str, Code),
    Missing(Missing<'a>),
}

/// What a build has compiled for those who start the application later.
#[derive(Debug)]
pub struct Ahead {
    /// How many were not compiled before.
    pub compiled: usize,
    pub components: usize,
}

/// All components that answer requests; what is compiled now is kept in `cache`.
pub fn all(
    engine: &Engine,
    manifest: &Manifest,
    cache: Option<&Path>,
    progress: &ProgressSink,
) -> Result<Vec<(String, Code)>, LoadError> {
    let looked = each(&served(manifest), |id| {
        let recipe = Recipe::of(manifest, id)?;
        let name = recipe.key()?.compiled(engine);
        let mut folders = vec![code_cache::beside(&recipe.source)];
        folders.extend(cache.map(Path::to_path_buf));
        Ok(match code_cache::find(engine, &name, &folders) {
            Some(code) => Looked::Found(id, code),
            None => Looked::Missing(Missing {
                recipe,
                name,
                folder: cache.map(Path::to_path_buf),
            }),
        })
    })?;
    let (mut codes, mut missing) = (Vec::new(), Vec::new());
    for looked in looked {
        match looked {
            Looked::Found(id, code) => codes.push((id.to_owned(), code)),
            Looked::Missing(one) => missing.push(one),
        }
    }
    codes.extend(compile(engine, missing, progress)?);
    Ok(codes)
}

/// Compiles beside the components' files what is not there yet, and removes the code of others.
pub fn ahead(engine: &Engine, manifest: &Manifest, progress: &ProgressSink) -> Result<Ahead, LoadError> {
    let ids = served(manifest);
    let entries = each(&ids, |id| {
        let recipe = Recipe::of(manifest, id)?;
        let name = recipe.key()?.compiled(engine);
        let folder = code_cache::beside(&recipe.source);
        let found = code_cache::find(engine, &name, std::slice::from_ref(&folder)).is_some();
        Ok((recipe, name, folder, found))
    })?;
    let mut kept: Vec<(PathBuf, Vec<String>)> = Vec::new();
    let mut missing = Vec::new();
    for (recipe, name, folder, found) in entries {
        match kept.iter_mut().find(|(known, _)| *known == folder) {
            Some((_, names)) => names.push(name.clone()),
            None => kept.push((folder.clone(), vec![name.clone()])),
        }
        if !found {
            missing.push(Missing {
                recipe,
                name,
                folder: Some(folder),
            });
        }
    }
    let compiled = compile(engine, missing, progress)?.len();
    for (folder, names) in kept {
        code_cache::keep_only(&folder, &names).map_err(|source| LoadError::Read { path: folder, source })?;
    }
    Ok(Ahead {
        compiled,
        components: ids.len(),
    })
}

/// The folder of an application's compiled code, and a name for exactly this application: of its manifest and its components.
pub fn fingerprint(manifest: &Path) -> Result<(PathBuf, String), LoadError> {
    let unreadable = |source| LoadError::Read {
        path: manifest.to_owned(),
        source,
    };
    let parsed = Manifest::read(manifest)?;
    let keys = each(&served(&parsed), |id| {
        let recipe = Recipe::of(&parsed, id)?;
        Ok((code_cache::beside(&recipe.source), recipe.key()?.name()))
    })?;
    let mut whole = Key::new();
    whole.file(manifest).map_err(unreadable)?;
    keys.iter().for_each(|(_, key)| whole.text(key));
    let folder = keys.into_iter().next().map(|(folder, _)| folder);
    Ok((
        folder.unwrap_or_else(|| parsed.dir.join(code_cache::BESIDE)),
        whole.name(),
    ))
}

/// Components that are only parts of others have no instances of their own and needn't export a handler.
fn served(manifest: &Manifest) -> Vec<&str> {
    manifest
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.target {
            TriggerTarget::Component(id) => Some(id.as_str()),
            TriggerTarget::Static(_) => None,
        })
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// One thread for each.
fn each<'a, T: Send>(
    ids: &[&'a str],
    work: impl Fn(&'a str) -> Result<T, LoadError> + Sync,
) -> Result<Vec<T>, LoadError> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = ids.iter().copied().map(|id| scope.spawn(move || work(id))).collect();
        let results = threads.into_iter().map(|thread| {
            let stopped = |_| LoadError::Engine("a thread stopped unexpectedly".into());
            thread.join().map_err(stopped)?
        });
        results.collect()
    })
}

/// One thread for each component; the compiler itself spreads over the cores as well.
fn compile(
    engine: &Engine,
    missing: Vec<Missing<'_>>,
    progress: &ProgressSink,
) -> Result<Vec<(String, Code)>, LoadError> {
    let of = missing.len();
    if of == 0 {
        return Ok(Vec::new());
    }
    progress(Preparing::Compiling { components: of });
    let (began, done) = (Instant::now(), AtomicUsize::new(0));
    let one = |missing: Missing<'_>| {
        let Missing { recipe, name, folder } = missing;
        let wasm = recipe.composed()?;
        let code = code_cache::compile(engine, &wasm, &name, folder.as_deref())
            .map_err(|error| of_component(recipe.manifest, recipe.id, format!("{error:#}")))?;
        progress(Preparing::Compiled {
            component: recipe.id,
            done: done.fetch_add(1, Ordering::Relaxed) + 1,
            of,
            took: began.elapsed(),
        });
        Ok((recipe.id.to_owned(), code))
    };
    std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = missing
            .into_iter()
            .map(|missing| (missing.recipe.id, scope.spawn(move || one(missing))))
            .collect();
        let results = threads.into_iter().map(|(id, thread)| {
            let stopped = |_| LoadError::Engine(format!("the compiler of {id} stopped unexpectedly"));
            thread.join().map_err(stopped)?
        });
        results.collect()
    })
}

impl<'a> Recipe<'a> {
    fn of(manifest: &'a Manifest, id: &'a str) -> Result<Self, LoadError> {
        let component = &manifest.components[id];
        let mut ingredients = Vec::new();
        for (name, dependency) in &component.dependencies {
            let problem = |problem: String| LoadError::Dependency {
                component: id.to_owned(),
                dependency: name.clone(),
                problem,
            };
            let Dependency::Described(described) = dependency else {
                return Err(problem("only `path` and `component` are supported".into()));
            };
            let path = match (&described.path, &described.component) {
                (Some(path), None) => manifest.dir.join(path),
                (None, Some(other)) => {
                    let other = manifest
                        .components
                        .get(other)
                        .ok_or_else(|| problem(format!("there is no component {other:?}")))?;
                    source_path(manifest, other)
                }
                _ => return Err(problem("needs either `path` or `component`".into())),
            };
            let inherit = described.inherit_configuration.clone().unwrap_or(Inherit::All(
                component.dependencies_inherit_configuration.unwrap_or(false),
            ));
            ingredients.push(Ingredient {
                name: name.clone(),
                path,
                export: described.export.clone(),
                inherit,
            });
        }
        Ok(Self {
            manifest,
            id,
            source: source_path(manifest, component),
            ingredients,
        })
    }

    fn key(&self) -> Result<Key, LoadError> {
        let mut key = Key::new();
        let file = |key: &mut Key, path: &Path| {
            key.file(path).map_err(|source| LoadError::Read {
                path: path.to_owned(),
                source,
            })
        };
        file(&mut key, &self.source)?;
        for ingredient in &self.ingredients {
            key.text(self.id);
            key.text(&ingredient.name);
            key.text(&format!("{:?} {:?}", ingredient.export, ingredient.inherit));
            file(&mut key, &ingredient.path)?;
        }
        Ok(key)
    }

    fn composed(&self) -> Result<Vec<u8>, LoadError> {
        let wasm = read(&self.source)?;
        let mut parts = Vec::new();
        for ingredient in &self.ingredients {
            parts.push(Part {
                name: ingredient.name.clone(),
                wasm: read(&ingredient.path)?,
                export: ingredient.export.clone(),
                inherit: ingredient.inherit.clone(),
            });
        }
        compose::compose(self.id, wasm, parts).map_err(|error| {
            if error.dependency == self.id {
                of_component(self.manifest, self.id, error.problem)
            } else {
                LoadError::Dependency {
                    component: self.id.to_owned(),
                    dependency: error.dependency,
                    problem: error.problem,
                }
            }
        })
    }
}

fn source_path(manifest: &Manifest, component: &Component) -> PathBuf {
    match &component.source {
        Source::Local(path) => manifest.dir.join(path),
        // Refused when the manifest was read.
        Source::Elsewhere(_) => manifest.dir.clone(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })
}

pub fn of_component(manifest: &Manifest, id: &str, problem: String) -> LoadError {
    LoadError::Component {
        component: id.to_owned(),
        path: source_path(manifest, &manifest.components[id]),
        problem,
    }
}
