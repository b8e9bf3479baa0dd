# Makes the C++ file that holds the files of the page, as they are and compressed, with a hash of each. Called at build time:
#   cmake -D OUTPUT=assets.cpp -D CHART=.../chart.min.js -D PAGE=receiver/console/page -P embed.cmake
file(GLOB_RECURSE files RELATIVE ${PAGE} ${PAGE}/*)
list(FILTER files EXCLUDE REGEX "(\\.md|LICEN[CS]E[^/]*)$")
list(SORT files)
get_filename_component(work ${OUTPUT} DIRECTORY)
set(symbols "")
set(entries "")
set(number 0)

foreach(name IN LISTS files ITEMS chart.js)
    set(path ${PAGE}/${name})
    if(name STREQUAL "chart.js")
        set(path ${CHART})
    endif()
    file(SHA256 ${path} hash)
    string(SUBSTRING ${hash} 0 16 hash)
    set(compressed ${work}/asset-${number}.gz)
    execute_process(COMMAND gzip -9nc ${path} OUTPUT_FILE ${compressed} COMMAND_ERROR_IS_FATAL ANY)
    foreach(kind plain gzip)
        set(file ${path})
        if(kind STREQUAL "gzip")
            set(file ${compressed})
        endif()
        string(APPEND symbols
            "__asm__(\".section .rodata\\n\"\n"
            "        \"asset_${number}_${kind}:\\n.incbin \\\"${file}\\\"\\nasset_${number}_${kind}_end:\\n.byte 0\\n\"\n"
            "        \".previous\\n\");\n"
            "extern const char asset_${number}_${kind}[] __asm__(\"asset_${number}_${kind}\");\n"
            "extern const char asset_${number}_${kind}_end[] __asm__(\"asset_${number}_${kind}_end\");\n")
    endforeach()
    string(APPEND entries
        "    {\"${name}\", \"${hash}\", between(asset_${number}_plain, asset_${number}_plain_end),\n"
        "     between(asset_${number}_gzip, asset_${number}_gzip_end)},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Made by embed.cmake.
#include \"console/assets.hpp\"

${symbols}
namespace msgstatus::receiver {

std::span<const Asset> assets() {
    const auto between = [](const char *begin, const char *end) { return std::string_view(begin, end - begin); };
    static const Asset all[] = {
${entries}    };
    return all;
}

} // namespace msgstatus::receiver
")
