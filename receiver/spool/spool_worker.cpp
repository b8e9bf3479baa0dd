#include "spool/spool_worker.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace msgstatus::receiver {

SpoolWorker::SpoolWorker(std::string directory, const SpoolLimits &limits)
    : directory_(std::move(directory)), limits_(limits) {}

// run does run an operation on the open store, once more on a new one if the file is damaged.
template <class Operation>
SpoolReport SpoolWorker::run(Operation operation) {
    SpoolReport report;
    for (int attempt = 1; attempt <= 2 && !report.done; ++attempt) {
        try {
            if (!store_) {
                open_store();
                report.opened = true;
            }
            operation(report);
            report.done = true;
        } catch (const SpoolError &error) {
            report.failure = error.kind();
            report.reason = error.what();
            if (error.kind() == SpoolError::Kind::full && store_)
                break;
            store_.reset();
            if (error.kind() != SpoolError::Kind::corrupt || !set_aside(report))
                files_.reset();
        } catch (const std::exception &error) { // memory
            report.failure = SpoolError::Kind::unusable;
            report.reason = error.what();
            store_.reset();
            files_.reset();
        }
        if (!files_)
            break;
    }
    look(report);
    return report;
}

void SpoolWorker::open_store() {
    if (!files_)
        files_.emplace(directory_);
    store_.emplace(*files_, limits_);
    ++file_; // perhaps another one than before
}

bool SpoolWorker::set_aside(SpoolReport &report) {
    try {
        report.set_aside = files_->set_aside();
        return true;
    } catch (const std::exception &error) {
        report.reason += std::string("; ") + error.what();
        return false;
    }
}

void SpoolWorker::look(SpoolReport &report) {
    SpoolState &state = report.state;
    state.file = file_;
    state.bytes = files_ ? files_->bytes() : 0;
    if (!store_)
        return;
    state.open = true;
    state.depth = store_->depth();
    state.batch_bytes = store_->batch_bytes();
    try {
        state.oldest = store_->oldest();
    } catch (const SpoolError &) {
        state.oldest.reset(); // the next operation will meet the same, and say so
    }
}

SpoolReport SpoolWorker::open() {
    return run([](SpoolReport &) {});
}

SpoolReport SpoolWorker::append(std::span<const SpoolItem> items) {
    return run([this, items](SpoolReport &) { store_->append(items); });
}

SpoolReport SpoolWorker::read(std::int64_t after, std::size_t most, std::size_t most_bytes) {
    return run([=, this](SpoolReport &report) { report.entries = store_->read(after, most, most_bytes); });
}

SpoolReport SpoolWorker::remove(std::uint64_t file, std::span<const std::int64_t> ids) {
    return run([=, this](SpoolReport &) {
        if (file != file_)
            return;
        store_->remove(ids);
        if (store_->depth() == 0 && files_->bytes() > 2 * store_->log_limit())
            begin_anew();
    });
}

SpoolReport SpoolWorker::discard(std::uint64_t file, std::span<const std::int64_t> ids) {
    return run([=, this](SpoolReport &) {
        if (file != file_ || ids.size() != store_->depth())
            return;
        // Another webhook may have come in the meantime; it has a greater id.
        const std::int64_t last = *std::max_element(ids.begin(), ids.end());
        if (store_->read(last, 1, 1).empty())
            begin_anew();
    });
}

void SpoolWorker::begin_anew() {
    store_.reset();
    files_->discard();
    open_store();
}

} // namespace msgstatus::receiver
