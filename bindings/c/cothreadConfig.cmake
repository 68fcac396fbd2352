# SPDX-License-Identifier: Apache-2.0
# find_package(cothread) defines the target cothread::cothread. Paths are relative to this file: the
# prefix may be moved.
get_filename_component(_cothread_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET cothread::cothread)
    add_library(cothread::cothread SHARED IMPORTED)
    set_target_properties(cothread::cothread PROPERTIES
        IMPORTED_LOCATION "${_cothread_prefix}/lib/libcothread.so.2"
        IMPORTED_SONAME libcothread.so.2
        INTERFACE_INCLUDE_DIRECTORIES "${_cothread_prefix}/include"
        # A frame larger than the guard at the end of a task's stack is touched page by page.
        INTERFACE_COMPILE_OPTIONS "$<$<OR:$<COMPILE_LANGUAGE:C>,$<COMPILE_LANGUAGE:CXX>>:-fstack-clash-protection>")
endif()
unset(_cothread_prefix)
