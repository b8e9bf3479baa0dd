#include "provider/registry.hpp"

#include "provider/builtin.hpp"
#include "provider/parse_description.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace msgstatus {
namespace {

// A shape under a member that its bodies have.
struct Entry {
    Text key;
    std::uint32_t description = 0;
    std::uint32_t shape = 0;
};

// Short keys first: comparing sizes is cheap.
bool sorts_before(const Entry &a, const Entry &b) {
    if (a.key.size() != b.key.size())
        return a.key.size() < b.key.size();
    if (const int by_key = a.key.compare(b.key); by_key != 0)
        return by_key < 0;
    if (a.description != b.description)
        return a.description < b.description;
    return a.shape < b.shape;
}

// Descriptions, and their shapes by a member.
struct Catalog {
    MemoryContext memory = nullptr;
    Vector<Description> descriptions;
    Vector<Entry> entries;

    const Description *find(Text name) const {
        for (const Description &description : descriptions)
            if (description.name == name)
                return &description;
        return nullptr;
    }

    void add(const Description &description) {
        const auto number = static_cast<std::uint32_t>(descriptions.size());
        descriptions.push(description);
        for (std::uint32_t i = 0; i < description.shapes.size(); ++i)
            entries.push({description.shapes[i].key, number, i});
    }

    void sort() { std::sort(entries.begin(), entries.end(), sorts_before); }
};

Catalog built_in;
Catalog own;
// The table that `own` was read from, and the number of invalidations before.
Oid table_read = InvalidOid;
bool was_read = false;
std::uint64_t invalidations_before = 0;
std::uint64_t invalidations = 1;

void note_invalidation(Datum argument, Oid relation) {
    (void)argument;
    // Before the table exists, any new table can be it.
    if (!OidIsValid(relation) || !OidIsValid(table_read) || relation == table_read)
        ++invalidations;
}

// Adds a description; leaves out one that cannot be used, which only a statement other than define_provider() can
// write.
void add_document(Catalog &catalog, Text name, const Json &document) {
    DescriptionProblem problem;
    const Description description = parse_description(name, document, problem);
    if (problem.problem == nullptr)
        catalog.add(description);
}

AttrNumber column_of(Relation table, const char *name, Oid type) {
    const AttrNumber number = get_attnum(RelationGetRelid(table), name);
    if (number != InvalidAttrNumber && get_atttype(RelationGetRelid(table), number) != type)
        return InvalidAttrNumber;
    return number;
}

// Reads without SPI, and so without checking privileges: the apply functions act as the owner of the tables.
void read_table(Catalog &catalog, Oid oid) {
    Relation table = table_open(oid, AccessShareLock);
    const AttrNumber name = column_of(table, "name", TEXTOID);
    const AttrNumber document = column_of(table, "description", JSONBOID);
    if (name == InvalidAttrNumber || document == InvalidAttrNumber) {
        table_close(table, AccessShareLock);
        return;
    }
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TupleTableSlot *slot = table_slot_create(table, nullptr);
    TableScanDesc scan = table_beginscan(table, snapshot, 0, nullptr);
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        bool no_name = false;
        bool no_document = false;
        const Datum name_value = slot_getattr(slot, name, &no_name);
        const Datum document_value = slot_getattr(slot, document, &no_document);
        if (no_name || no_document)
            continue;
        const MemoryContext caller = MemoryContextSwitchTo(catalog.memory);
        add_document(catalog, view_of(DatumGetTextPP(name_value)), Json::of_document(DatumGetJsonbP(document_value)));
        MemoryContextSwitchTo(caller);
    }
    table_endscan(scan);
    ExecDropSingleTupleTableSlot(slot);
    UnregisterSnapshot(snapshot);
    table_close(table, AccessShareLock);
}

// Keeps what was read in place of what was there. Until then its memory belongs to the caller's, so that an error
// leaves nothing behind.
void keep(Catalog &kept, Catalog &read) {
    const MemoryContext caller = MemoryContextSwitchTo(read.memory);
    read.sort();
    MemoryContextSwitchTo(caller);
    MemoryContextSetParent(read.memory, TopMemoryContext);
    if (kept.memory != nullptr)
        MemoryContextDelete(kept.memory);
    kept = read;
}

Catalog new_catalog() {
    Catalog catalog;
    catalog.memory = AllocSetContextCreate(CurrentMemoryContext, "msgstatus providers", ALLOCSET_DEFAULT_SIZES);
    return catalog;
}

void refresh_own() {
    static bool registered = false;
    if (!registered) {
        CacheRegisterRelcacheCallback(note_invalidation, 0);
        registered = true;
    }
    // Within a long transaction, no statement may have received what others have defined since.
    AcceptInvalidationMessages();
    if (was_read && invalidations_before == invalidations)
        return;
    const std::uint64_t seen = invalidations;
    const Oid schema = get_namespace_oid("msgstatus", true);
    const Oid oid = OidIsValid(schema) ? get_relname_relid("provider_description", schema) : InvalidOid;
    Catalog read = new_catalog();
    // Until install() is called for this version, there are none.
    if (OidIsValid(oid) && get_rel_relkind(oid) == RELKIND_RELATION)
        read_table(read, oid);
    keep(own, read);
    table_read = oid;
    was_read = true;
    invalidations_before = seen;
}

void read_built_in() {
    if (built_in.memory != nullptr)
        return;
    Catalog read = new_catalog();
    for (const BuiltinDescription &builtin : builtin_descriptions()) {
        const Json document = parse_json(builtin.document);
        const MemoryContext caller = MemoryContextSwitchTo(read.memory);
        add_document(read, builtin.name, document);
        MemoryContextSwitchTo(caller);
    }
    keep(built_in, read);
}

void add_fits(Vector<Fit> &fits, const Catalog &catalog, const Json &body, bool replaced_by_own) {
    if (catalog.entries.empty())
        return;
    Place place;
    place.levels[0] = body;
    const std::size_t first = fits.size();
    body.for_each_member([&](std::string_view key, const Json &) {
        const Entry *entry =
            std::lower_bound(catalog.entries.begin(), catalog.entries.end(), Entry{key, 0, 0}, sorts_before);
        for (; entry != catalog.entries.end() && entry->key == key; ++entry) {
            const Description &description = catalog.descriptions[entry->description];
            const Shape &shape = description.shapes[entry->shape];
            if ((replaced_by_own && own.find(description.name) != nullptr) ||
                broken_condition(shape.when, place) != nullptr)
                continue;
            // The first of its shapes counts.
            Fit *known = fits.begin() + first;
            while (known != fits.end() && known->description != &description)
                ++known;
            if (known == fits.end())
                fits.push({&description, &shape});
            else if (&shape < known->shape)
                known->shape = &shape;
        }
    });
}

} // namespace

Vector<Fit> fits_of(const Json &body, bool only_own) {
    Vector<Fit> fits;
    refresh_own();
    add_fits(fits, own, body, false);
    if (!only_own) {
        read_built_in();
        add_fits(fits, built_in, body, true);
    }
    return fits;
}

bool has_own_descriptions() {
    refresh_own();
    return !own.descriptions.empty();
}

const Description *find_description(Text name) {
    refresh_own();
    if (const Description *found = own.find(name); found != nullptr)
        return found;
    read_built_in();
    return built_in.find(name);
}

} // namespace msgstatus
