// SPDX-License-Identifier: BSD-3-Clause
// The module perun._perun: libperun for Python, and nothing else. All calls but read() and between() hold the GIL, so that
// detach() never meets a thread inside one.
#include <pybind11/pybind11.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "perun/perun.h"

namespace py = pybind11;

namespace {

/// The region of a name; 0 with a Python error if it is none. What UTF-8 has no room for (lone surrogates) is replaced.
perun_region region(PyObject* name) {
  Py_ssize_t length = 0;
  if (!PyUnicode_Check(name)) {
    PyErr_Format(PyExc_TypeError, "the name of a region must be a str, not %s", Py_TYPE(name)->tp_name);
    return 0;
  }
  if (const char* text = PyUnicode_AsUTF8AndSize(name, &length))
    return perun_region_id_n(text, static_cast<std::size_t>(length));
  PyErr_Clear();
  const auto bytes = py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(name, "utf-8", "replace"));
  if (!bytes) return 0;
  return perun_region_id_n(PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr())));
}

template <void (*Act)(perun_region)>
PyObject* act(PyObject*, PyObject* name) {
  const perun_region id = region(name);
  if (id == 0 && PyErr_Occurred() != nullptr) return nullptr;
  Act(id);
  Py_RETURN_NONE;
}

// Not by pybind11, whose calls cost twice as much as the marks.
PyMethodDef marks[] = {
    {"begin", act<perun_enter>, METH_O, "begin($module, name, /)\n--\n\nOpens a call of the region `name` in this thread."},
    {"end", act<perun_leave>, METH_O,
     "end($module, name, /)\n--\n\nCloses the innermost open call of the region `name` in this thread."},
    {"cancel", act<perun_forget>, METH_O,
     "cancel($module, name, /)\n--\n\nForgets the innermost open call of `name`: it is not counted, and its energy goes to "
     "what\n"
     "surrounds it."},
    {"mark", act<perun_note>, METH_O,
     "mark($module, text, /)\n--\n\nA moment worth finding again, in the timeline of the run."},
    {nullptr, nullptr, 0, nullptr}};

void add(const py::str& name, double n) {
  const perun_region id = region(name.ptr());
  if (id == 0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  perun_add(id, n);
}

/// What `ask` finds, as (t_ns, begin_ns, energy_J, uncertainty_J, kind, ((id, energy_J, kind, counted), ...)); else None.
template <class Ask>
py::object reading(Ask ask) {
  const auto energy = std::make_unique<perun_energy>();
  int failed = 0;
  {
    const py::gil_scoped_release others_run;
    failed = ask(energy.get());
  }
  if (failed != 0) return py::none();
  py::tuple devices(energy->devices);
  for (std::uint32_t i = 0; i < energy->devices; ++i) {
    const perun_device& d = energy->device[i];
    devices[i] = py::make_tuple(std::string(d.id, ::strnlen(d.id, sizeof d.id)), d.energy_J, d.kind, d.counted != 0);
  }
  return py::make_tuple(energy->t_ns, energy->begin_ns, energy->energy_J, energy->uncertainty_J, energy->kind, devices);
}

void attach(const std::string& path, const std::string& sock) {
  if (perun_attach(path.c_str(), sock.empty() ? nullptr : sock.c_str()) == 0) return;
  PyErr_SetFromErrnoWithFilename(PyExc_OSError, path.c_str());
  throw py::error_already_set();
}

}  // namespace

PYBIND11_MODULE(_perun, m) {
  m.doc() = "libperun: marks, and readings of what the run has used so far.";
  if (PyModule_AddFunctions(m.ptr(), marks) != 0) throw py::error_already_set();
  m.def("add", &add, py::arg("name"), py::arg("n"), "Adds n to the counter `name`.");
  m.def(
      "active", [] { return perun_active() != 0; }, "Whether marks of this process reach a perun.");
  m.def("attach", &attach, py::arg("marks"), py::arg("sock"));
  m.def("detach", &perun_detach);
  m.def("read", [] { return reading(perun_read); });
  m.def("between", [](std::int64_t from_ns, std::int64_t to_ns) {
    return reading([=](perun_energy* energy) { return perun_read_between(from_ns, to_ns, energy); });
  });
}
