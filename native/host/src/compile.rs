//! The compiled code of the components that answer requests: found on disk, or compiled now.

mod cache;
mod compose;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::Component as Code;

use self::cache::Key;
use self::compose::Part;
use crate::config::{Preparing, ProgressSink};
use crate::error::LoadError;
use crate::manifest::{Component, Dependency, Inherit, Manifest, Source, TriggerTarget};

/// The files that a component is made of.
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
    entry: String,
    folder: Option<PathBuf>,
}

/// A component's code.
pub struct Compiled {
    pub id: String,
    /// The name of the cache entry. It identifies the code.
    pub entry: String,
    pub code: Code,
}

/// The result of looking for a component's code.
enum Lookup<'a> {
    Found(Compiled),
    Missing(Missing<'a>),
    Current,
}

/// The result of compiling an application ahead of its starts.
#[derive(Debug)]
pub struct Ahead {
    /// The number of components that were not compiled before.
    pub compiled: usize,
    pub components: usize,
}

/// Returns the code of all components that answer requests, except those of which `is_current` accepts the id and the entry.
/// Code that is compiled now is kept in `cache`.
pub fn all(
    engine: &Engine,
    manifest: &Manifest,
    cache: Option<&Path>,
    progress: &ProgressSink,
    is_current: impl Fn(&str, &str) -> bool + Sync,
) -> Result<Vec<Compiled>, LoadError> {
    let lookups = each(&served(manifest), |id| {
        let recipe = Recipe::of(manifest, id)?;
        let entry = recipe.key()?.compiled(engine);
        if is_current(id, &entry) {
            return Ok(Lookup::Current);
        }
        let mut folders = vec![cache::beside(&recipe.source)];
        folders.extend(cache.map(Path::to_path_buf));
        Ok(match cache::find(engine, &entry, &folders) {
            Some(code) => Lookup::Found(Compiled {
                id: id.to_owned(),
                entry,
                code,
            }),
            None => Lookup::Missing(Missing {
                recipe,
                entry,
                folder: cache.map(Path::to_path_buf),
            }),
        })
    })?;
    let (mut codes, mut missing) = (Vec::new(), Vec::new());
    for lookup in lookups {
        match lookup {
            Lookup::Found(compiled) => codes.push(compiled),
            Lookup::Missing(one) => missing.push(one),
            Lookup::Current => {}
        }
    }
    codes.extend(compile(engine, missing, progress)?);
    Ok(codes)
}

/// Compiles beside the components' files what is not compiled yet, and removes the code of other components.
pub fn ahead(engine: &Engine, manifest: &Manifest, progress: &ProgressSink) -> Result<Ahead, LoadError> {
    let ids = served(manifest);
    let entries = each(&ids, |id| {
        let recipe = Recipe::of(manifest, id)?;
        let name = recipe.key()?.compiled(engine);
        let folder = cache::beside(&recipe.source);
        let found = cache::find(engine, &name, std::slice::from_ref(&folder)).is_some();
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
                entry: name,
                folder: Some(folder),
            });
        }
    }
    let compiled = compile(engine, missing, progress)?.len();
    for (folder, names) in kept {
        cache::keep_only(&folder, &names).map_err(|source| LoadError::Read { path: folder, source })?;
    }
    Ok(Ahead {
        compiled,
        components: ids.len(),
    })
}

/// Returns the folder of an application's compiled code, and a name that identifies its manifest and components.
pub fn fingerprint(manifest: &Path) -> Result<(PathBuf, String), LoadError> {
    let unreadable = |source| LoadError::Read {
        path: manifest.to_owned(),
        source,
    };
    let parsed = Manifest::read(manifest)?;
    let keys = each(&served(&parsed), |id| {
        let recipe = Recipe::of(&parsed, id)?;
        Ok((cache::beside(&recipe.source), recipe.key()?.name()))
    })?;
    let mut whole = Key::new();
    whole.file(manifest).map_err(unreadable)?;
    keys.iter().for_each(|(_, key)| whole.text(key));
    let folder = keys.into_iter().next().map(|(folder, _)| folder);
    Ok((folder.unwrap_or_else(|| parsed.dir.join(cache::BESIDE)), whole.name()))
}

/// The components behind a trigger. The others are parts of them: they need no instances and no handler.
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

/// Runs `work` for each id on a thread of its own.
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

/// Compiles each component on a thread of its own. The compiler itself uses all cores as well.
fn compile(engine: &Engine, missing: Vec<Missing<'_>>, progress: &ProgressSink) -> Result<Vec<Compiled>, LoadError> {
    let of = missing.len();
    if of == 0 {
        return Ok(Vec::new());
    }
    progress(Preparing::Compiling { components: of });
    let (began, done) = (Instant::now(), AtomicUsize::new(0));
    let one = |missing: Missing<'_>| {
        let Missing { recipe, entry, folder } = missing;
        let wasm = recipe.composed()?;
        let code = cache::compile(engine, &wasm, &entry, folder.as_deref())
            .map_err(|error| of_component(recipe.manifest, recipe.id, format!("{error:#}")))?;
        progress(Preparing::Compiled {
            component: recipe.id,
            done: done.fetch_add(1, Ordering::Relaxed) + 1,
            of,
            took: began.elapsed(),
        });
        Ok(Compiled {
            id: recipe.id.to_owned(),
            entry,
            code,
        })
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
