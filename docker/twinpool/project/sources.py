"""Reads a project's files without running them: which settings they name, where its entry points lie. For discovery."""

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "DJANGO_SETTINGS_MODULE"
# Folders whose wsgi.py or settings.py are not the project's own.
FOREIGN = {"node_modules", "site-packages", "__pycache__", "tests", "test", "testing", "docs", "build", "dist"}
DEEPEST = 6  # folders below the project; deeper trees are data


@dataclass(frozen=True)
class Named:
    """A settings module and where its name stands (`shop/wsgi.py`); `file` is that file, if it is one."""

    module: str
    where: str
    file: Path | None = None


def shallowest(project: Path, name: str) -> Path | None:
    """The file of this name nearest to the project's folder; of several the first by path. None if there is none."""
    return next(iter(files(project, name)), None)


def files(project: Path, *names: str) -> list[Path]:
    """The project's own files of these names, the shallowest first."""
    found = [folder / name for folder in _folders(project) for name in names if (folder / name).is_file()]
    return sorted(found, key=lambda path: (len(path.parts), str(path)))


def _folders(project: Path) -> Iterator[Path]:
    for folder, inner, _ in os.walk(project):
        path = Path(folder)
        deep = len(path.relative_to(project).parts) >= DEEPEST
        own = [name for name in inner if name not in FOREIGN and not name.startswith(".")]
        # pyvenv.cfg marks a virtual environment, whatever its name.
        inner[:] = [] if deep else sorted(name for name in own if not (path / name / "pyvenv.cfg").exists())
        yield path


def settings_named(file: Path, project: Path) -> list[Named]:
    """The settings modules that a file sets as a default or outright, in its order; none if it does not parse."""
    tree = parse(file)
    constants = {
        target.id: node.value
        for node in (tree.body if tree else [])
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    values = [value for node in ast.walk(tree) if (value := _value_set(node))] if tree else []
    texts = [_text(value, constants) for value in sorted(values, key=lambda value: value.lineno)]
    return [Named(text, str(file.relative_to(project)), file) for text in dict.fromkeys(texts) if text]


def settings_modules(project: Path) -> list[Named]:
    """Modules called settings, for a project in which no file names one."""
    own = [
        file for file in files(project, "settings.py") if file.parent != project or not (project / "settings").exists()
    ]
    own += [file.parent for file in files(project, "__init__.py") if file.parent.name == "settings"]
    return [Named(module_name(file, project), str(file.relative_to(project)), file) for file in own]


def import_roots(named: Named, project: Path) -> list[Path]:
    """The folders from which a module named in a file may be imported: the project's, then those down to the file."""
    between = [folder for folder in (named.file.parents if named.file else ()) if folder.is_relative_to(project)]
    return [project, *[folder for folder in reversed(between) if folder != project]]


def root_on_path(file: Path, project: Path) -> Path:
    """The folder of sys.path from which a file below the project is imported: the deepest that is no package itself."""
    ahead = [Path(entry) for entry in sys.path if entry and Path(entry).is_relative_to(project)]
    fits = [root for root in ahead if file.is_relative_to(root) and not (root / "__init__.py").exists()]
    return max(fits, key=lambda root: len(root.parts), default=project)


def module_name(file: Path, root: Path) -> str:
    """The dotted name of a file below the folder that it is imported from."""
    return ".".join(file.relative_to(root).with_suffix("").parts)


def parse(file: Path) -> ast.Module | None:
    """The file's syntax tree; None if it is no Python."""
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError):
        return None


def imports(file: Path, package: str) -> bool:
    """Whether a file imports from a top-level package."""
    tree = parse(file)
    for node in ast.walk(tree) if tree else ():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        if any(name.split(".")[0] == package for name in names):
            return True
    return False


def _value_set(node: ast.AST) -> ast.expr | None:
    """What os.environ.setdefault(VARIABLE, …), os.environ[VARIABLE] = … or os.putenv gives the variable."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("setdefault", "putenv")
    ):
        if len(node.args) == 2 and _is_variable(node.args[0]):
            return node.args[1]
    elif isinstance(node, ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and _is_variable(target.slice):
            return node.value
    return None


def _is_variable(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == VARIABLE


def _text(node: ast.expr, constants: dict[str, ast.expr], depth: int = 0) -> str | None:
    """The text of a literal, of a module's constant, or the default of a look-up: os.getenv("X", "shop.settings")."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name) and node.id in constants and depth < 5:
        return _text(constants[node.id], constants, depth + 1)
    if isinstance(node, ast.Call):
        defaults = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "default")]
        return _text(defaults[0], constants, depth + 1) if defaults else None
    return None
